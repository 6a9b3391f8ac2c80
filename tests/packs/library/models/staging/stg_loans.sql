select * from {{ source('staged', 'loans') }}
