select * from {{ source('staged', 'branches') }}
