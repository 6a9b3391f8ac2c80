"""Costs from tokens and prices to budgets and invoices, against sums that Python makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.site.site import Site, generations

if TYPE_CHECKING:
    from collections.abc import Iterator

JANUARY, FEBRUARY, LATER = "2026-01-31-23:00", "2026-02-01-00:00", "2026-02-01-01:00"
MILLION = Decimal(10) ** 6

PRICES = [
    {"provider": "openai", "model": "m-1", "valid_from": "2026-01-01", "valid_to": "2026-02-01",
     "input_price": 3, "output_price": 12, "cache_read_price": "0.3", "cache_write_price": "3.75"},
    {"provider": "openai", "model": "m-1", "valid_from": "2026-02-01",
     "input_price": "2.5", "output_price": 10, "reasoning_price": "10.000000001"},
    {"provider": "anthropic", "model": "m-2", "valid_from": "2026-01-01",
     "input_price": "0.123456789", "output_price": 0},
]  # fmt: skip


def requests(hour: str, seed: int) -> list[dict[str, Any]]:
    """Streamed and failed requests, retries, tokens of all kinds or untold, costs of 0 or none."""
    random = Random(seed)  # noqa: S311 - no secret
    return [_request(row, n, random) for n, row in enumerate(generations(hour, 60))]


def _request(row: dict[str, Any], number: int, random: Random) -> dict[str, Any]:
    prompt, answer = random.randrange(20_000), random.randrange(4_000)
    told = {
        "input_tokens": prompt,
        "output_tokens": answer,
        "cache_read_tokens": random.choice([None, 0, prompt // 2]),
        "cache_write_tokens": random.choice([None, 0, prompt // 3]),
        "reasoning_tokens": random.choice([None, answer // 4]),
    }
    if not row["success"]:
        told = dict.fromkeys(told) | {"input_tokens": 0, "output_tokens": 0}
    elif number % 7 == 0:
        told |= {"output_tokens": None, "reasoning_tokens": None}
    return (
        row
        | told
        | {
            "tokens_used": (told["input_tokens"] or 0) + (told["output_tokens"] or 0),
            "trace_id": f"trace-{number // 3}",
            "parent_id": f"span-{number // 3}" if number % 3 else None,  # asked again
            "tags": ["streaming"] if number % 2 else [],
            "cost_usd": random.choice([None, 0.0, round(random.random(), 8), 1e-7, 0.1]),
            "api_key_id": random.choice([None, "k-1"]),
        }
    )


def computed(row: dict[str, Any]) -> Decimal | None:
    """What the price list makes of a request."""
    day = row["timestamp"][:10]
    found = [
        one for one in PRICES
        if (one["provider"], one["model"]) == (row["provider"], row["model"])
        and str(one["valid_from"]) <= day < str(one.get("valid_to", "9999"))
    ]  # fmt: skip
    if not found or row["input_tokens"] is None or row["output_tokens"] is None:
        return None
    (price,) = ({name: Decimal(str(value)) for name, value in one.items() if "price" in name}
                for one in found)  # fmt: skip
    read, written, hidden = (
        row[name] or 0 for name in ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    )
    parts = {
        "input_price": row["input_tokens"] - read - written,
        "cache_read_price": read,
        "cache_write_price": written,
        "output_price": row["output_tokens"] - hidden,
        "reasoning_price": hidden,
    }
    as_other = {"cache_read_price": "input_price", "cache_write_price": "input_price",
                "reasoning_price": "output_price"}  # fmt: skip
    costs = (tokens * price.get(name, price[as_other.get(name, name)])
             for name, tokens in parts.items())  # fmt: skip
    return sum(costs, Decimal(0)) / MILLION


def delivered(row: dict[str, Any]) -> Decimal | None:
    return None if row["cost_usd"] is None else Decimal(repr(row["cost_usd"]))


def billed(rows: list[dict[str, Any]]) -> Decimal:
    """What a provider is expected to bill for requests."""
    costs = [computed(row) for row in rows]
    known = [
        delivered(row) if cost is None else cost for row, cost in zip(rows, costs, strict=True)
    ]
    return sum((cost for cost in known if cost is not None), Decimal(0))


@dataclass(frozen=True)
class Costs:
    site: Site
    requests: list[dict[str, Any]]

    def of(self, **wanted: str) -> list[dict[str, Any]]:
        return [row for row in self.requests if all(row[n] == v for n, v in wanted.items())]

    def of_month(self, month: str, provider: str) -> Decimal:
        rows = [row for row in self.of(provider=provider) if row["timestamp"].startswith(month)]
        return billed(rows)


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Costs]:
    """Three hours of two months, with all that costs are made of."""
    site = Site(tmp_path_factory.mktemp("costs") / "home", CHIMERA_START="2026-01-01")
    asked = [row for n, hour in enumerate((JANUARY, FEBRUARY, LATER)) for row in requests(hour, n)]
    site.source.insert("generations", asked)
    site.source.insert("price_list", [{"currency": "USD"} | one for one in PRICES])
    budget = {"amount": 5, "valid_from": "2026-01-01"}
    site.source.insert("budgets", [
        {"budget_id": "acme", "scope": "tenant", "value": "acme", **budget},
        {"budget_id": "key", "scope": "api_key", "value": "k-1", **budget, "amount": "0.01"},
        {"budget_id": "over", "scope": "model", "value": "m-1", **budget, "valid_to": "2026-02-01"},
    ])  # fmt: skip
    site.source.insert("feedback", [
        {"feedback_id": "f-1", "score": 0.5, "event_id": asked[0]["event_id"], "tenant_id": "acme",
         "source": "user", "timestamp": "2026-01-31T23:30Z", "created_at": "2026-01-31T23:31Z"},
    ])  # fmt: skip
    ran = site.run(JANUARY, LATER)
    assert ran.success, (ran.failed, ran.broken_checks)
    made = ("marts/fact_feedback", "marts/focus_costs", "aggregates/budget_burn_down")
    newest = [site.lake.table(*table.split("/")).history(1)[0] for table in made]
    assert len({one["dbt_invocation_id"] for one in newest}) == 1  # a start of dbt costs seconds
    yield Costs(site, asked)
    site.close()


def test_each_cost_is_what_python_makes_of_it(costs: Costs) -> None:
    kept = {row["event_id"]: row for row in costs.site.rows("marts/fact_generations").to_dicts()}
    expected = {row["event_id"]: computed(row) for row in costs.requests}
    assert {name: row["computed_cost_usd"] for name, row in kept.items()} == expected
    assert {name: row["cost_usd"] for name, row in kept.items()} == {
        row["event_id"]: row["cost_usd"] for row in costs.requests
    }
    assert Decimal(0) in expected.values()
    assert None in expected.values()


def test_costs_are_added_up_and_compared_by_the_hour(costs: Costs) -> None:
    rows = costs.of(tenant_id="acme", provider="openai", model="m-1")
    both = [row for row in rows if None not in (computed(row), delivered(row))]
    found = costs.site.rows("aggregates/agg_costs").filter(
        tenant_id="acme", provider="openai", model="m-1"
    )
    sums = {name: found[name].sum() for name in found.columns if found[name].dtype.is_numeric()}
    assert sums["requests"] == len(rows)
    assert sums["requests_without_price"] == sum(computed(row) is None for row in rows)
    assert sums["delivered_cost_usd"] == sum(delivered(row) or 0 for row in rows)
    assert sums["computed_cost_usd"] == sum(computed(row) or 0 for row in rows)
    assert sums["compared_cost_usd"] == sum(delivered(row) or 0 for row in both)
    assert sums["difference_usd"] == sum(
        (computed(row) or 0) - (delivered(row) or 0) for row in both
    )
    assert set(found["api_key_id"]) == {"", "k-1"}


#: FOCUS 1.2: column -> its type, and whether it may be null here.
DECIMAL, TEXT, TIME = pl.Decimal, pl.String, pl.Datetime
FOCUS = {
    "BilledCost": (DECIMAL, False), "BillingAccountId": (TEXT, False),
    "BillingAccountName": (TEXT, True), "BillingCurrency": (TEXT, False),
    "BillingPeriodEnd": (TIME, False), "BillingPeriodStart": (TIME, False),
    "ChargeCategory": (TEXT, False), "ChargeClass": (TEXT, True),
    "ChargeDescription": (TEXT, True), "ChargePeriodEnd": (TIME, False),
    "ChargePeriodStart": (TIME, False), "ContractedCost": (DECIMAL, False),
    "EffectiveCost": (DECIMAL, False), "InvoiceIssuerName": (TEXT, False),
    "ListCost": (DECIMAL, False), "PricingQuantity": (DECIMAL, False),
    "PricingUnit": (TEXT, False), "ProviderName": (TEXT, False), "PublisherName": (TEXT, False),
    "ServiceCategory": (TEXT, False), "ServiceName": (TEXT, False),
}  # fmt: skip
ALLOWED = {
    "BillingCurrency": {"USD"},
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {None, "Correction"},
    "PricingUnit": {"1000000 Tokens", "Requests"},
    "ServiceCategory": {"AI and Machine Learning"},
}


def test_charges_follow_the_standard(costs: Costs) -> None:
    rows = costs.site.rows("marts/focus_costs")
    assert len(FOCUS) == 21
    own = set(rows.columns) - set(FOCUS) - {"hour_partition", "hour"}
    assert all(name.startswith("x_") for name in own)
    for name, (kind, may_be_null) in FOCUS.items():
        assert rows.schema[name] == kind, name
        assert may_be_null or not rows[name].null_count(), name
    for name, values in ALLOWED.items():
        assert set(rows[name]) <= values, name
    for row in rows.to_dicts():
        begins: datetime = row["ChargePeriodStart"]
        month = begins.replace(day=1, hour=0)
        assert row["BillingPeriodStart"] == month
        assert row["BillingPeriodEnd"] == (month + timedelta(days=32)).replace(day=1)
        assert row["ChargePeriodEnd"] == begins + timedelta(hours=1)
        same = {row[f"{kind}Cost"] for kind in ("Billed", "Contracted", "Effective", "List")}
        assert len(same) == 1
        assert row["PricingQuantity"] > 0
        assert row["BilledCost"] >= 0
    assert set(rows["x_CostSource"]) == {"computed", "delivered"}
    assert rows["BilledCost"].sum() == billed(costs.requests)
    tokens = rows.filter(PricingUnit="1000000 Tokens")["PricingQuantity"].sum() * MILLION
    priced = [row for row in costs.requests if computed(row) is not None]
    assert tokens == sum(row["input_tokens"] + row["output_tokens"] for row in priced)


def test_budgets_burn_down_and_the_month_is_forecast(costs: Costs) -> None:
    rows = costs.site.rows("aggregates/budget_burn_down")
    by_day = {(row["budget_id"], row["day"]): row for row in rows.to_dicts()}
    january, february = date(2026, 1, 31), date(2026, 2, 1)
    assert set(by_day) == {
        ("acme", january), ("acme", february), ("key", january), ("key", february),
        ("over", january),
    }  # fmt: skip
    acme = [row for row in costs.of(tenant_id="acme") if row["timestamp"].startswith("2026-02")]
    spent = billed(acme)
    found = by_day["acme", february]
    assert (found["spent_usd"], found["remaining_usd"]) == (spent, 5 - spent)
    assert found["share_of_month_passed"] == pytest.approx(2 / (28 * 24))
    assert found["forecast_usd"] == pytest.approx(float(spent) * 28 * 12)
    assert found["is_over"] == (spent > 5)
    assert by_day["key", february]["is_over"]


def test_feedback_is_beside_the_requests_that_it_is_about(costs: Costs) -> None:
    (row,) = costs.site.rows("marts/fact_feedback").to_dicts()
    assert (row["score"], row["event_id"]) == (0.5, costs.requests[0]["event_id"])


def test_late_invoices_and_costs_bring_their_month_up_to_date(costs: Costs) -> None:
    site = costs.site
    expected = {
        (provider, month): costs.of_month(f"{month:%Y-%m}", provider)
        for provider in ("openai", "anthropic")
        for month in (date(2026, 1, 1), date(2026, 2, 1))
    }

    def compared() -> dict[tuple[str, date], dict[str, Any]]:
        rows = site.rows("aggregates/invoice_reconciliation").to_dicts()
        return {(row["provider"], row["billing_month"]): row for row in rows}

    assert {key: row["billed_usd"] for key, row in compared().items()} == expected
    assert all(row["difference_usd"] is None for row in compared().values())

    invoice = {"provider": "openai", "invoice_id": "i-7", "billing_month": "2026-02-01T00:00:00Z",
               "currency": "USD", "created_at": f"{datetime.now(UTC):%FT%TZ}"}  # fmt: skip
    site.source.insert("invoices", [
        invoice | {"line": 1, "amount": "12.50"},
        invoice | {"line": 2, "amount": "-0.25"},
        invoice | {"line": 3, "amount": "9.99", "currency": "EUR"},
    ])  # fmt: skip
    late = generations(JANUARY, 1, event_id="late", provider="openai", cost_usd=0.7)
    site.source.insert("generations", late)
    costs.requests.append({"input_tokens": None, "output_tokens": None} | late[0])
    site.tick()

    found = compared()
    february = found["openai", date(2026, 2, 1)]
    assert (february["invoices"], february["invoiced_usd"]) == (1, Decimal("12.25"))
    assert february["billed_usd"] == expected["openai", date(2026, 2, 1)]
    assert february["difference_usd"] == Decimal("12.25") - february["billed_usd"]
    january = found["openai", date(2026, 1, 1)]
    assert january["billed_usd"] == expected["openai", date(2026, 1, 1)] + Decimal("0.7")
    assert found["anthropic", date(2026, 2, 1)]["invoiced_usd"] is None
    (rejected,) = site.rows("quarantine/invoices").to_dicts()
    assert (rejected["row_key"], rejected["reasons"]) == ("openai|i-7|3", ["currency_usd"])


def test_prices_that_overlap_are_refused_by_key_and_dates(costs: Costs) -> None:
    """Nothing is published until they are mended."""
    known = costs.site.content("marts/fact_generations", LATER)
    twice = {"provider": "openai", "model": "m-1", "valid_from": "2026-03-01", "currency": "USD"}
    costs.site.source.insert("price_list", [twice | {"input_price": 1, "output_price": 1}])
    ran = costs.site.run(LATER)
    costs.site.source.execute("DELETE FROM price_list WHERE valid_from = '2026-03-01'")
    assert not ran.success
    gate = ran.check("staged/price_list", "pass_rate", None)
    assert "price_list.odcs.yaml:" in gate["description"]
    assert "valid_from_periods: expected periods of a model that follow" in gate["description"]
    overlap = "openai, m-1: from 2026-03-01 it overlaps what begins on 2026-02-01"
    assert overlap in gate["description"]
    assert costs.site.content("marts/fact_generations", LATER).equals(known)
