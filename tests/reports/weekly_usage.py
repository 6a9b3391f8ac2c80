"""A week's report of a product that nobody uses, with everything that a report can have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from math import sin

from chimera_assets.reports.document import (
    Block,
    Chart,
    ChartKind,
    Column,
    Document,
    Figure,
    Figures,
    Finding,
    Findings,
    Kind,
    Paragraph,
    Period,
    Producer,
    Section,
    Series,
    Status,
    Table,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
TENANTS = (
    "acme", "Zoë & Söhne", "张伟科技有限公司", "شركة المستقبل العربية",
    "Ελληνικά Δεδομένα", "Кириллица",
    "שלום עולם", "हिन्दी संगठन", "บริษัท ตัวอย่าง", "株式会社テスト", "한국어 회사", "🚀 Rocket",
    '#import "x"', "*bold* _it_ $x$", "<script>alert(1)</script>", "=1+1", "ab\u202ecd\x1b[2J",
)  # fmt: skip
PROVIDERS = ("openai", "anthropic", "mistral", "example-llm")
HOURS = tuple(START + timedelta(hours=hour) for hour in range(168))
DAYS = tuple(date(2026, 1, 5) + timedelta(days=day) for day in range(7))


def weekly_usage(rows: int = 1_234) -> Document:
    """The report; its longest table has so many rows."""
    return Document(
        title="Usage and compliance summary",
        subtitle="AI gateway, all providers and models",
        id="usage-2026-w02",
        revision=2,
        period=Period(START, START + timedelta(days=7), "weekly"),
        time_zone="Europe/Berlin",
        tenant=None,
        generated_at=datetime(2026, 1, 12, 5, 30, tzinfo=UTC),
        producer=Producer("Chimera Assets", "0.9.0"),
        filters={
            "provider": "openai, anthropic, mistral, example-llm",
            "environment": "production",
        },
        notes=(
            "Hour 2026-01-05 03:00 UTC of generations is missing: its rows were rejected.",
            "14 rows of tenant 张伟科技有限公司 arrived late and are in this revision.",
        ),
        sections=(_usage(rows), *map(_trends, range(3)), _quality(), _findings(), _empty()),
    )


def _usage(rows: int) -> Section:
    figures = (
        Figure("Requests", 1_284_031, unit="requests", before=1_143_911),
        Figure("Succeeded", 0.99962, Kind.share, before=0.9981),
        Figure("Cost", Decimal("18234.5071"), Kind.money, "USD", Decimal("19110.22")),
        Figure("Median latency", 412.339, unit="ms", before=412.339, note="of successful requests"),
        Figure("Tokens", 9_007_199_254_740_993, unit="tokens", before=0),
        Figure("Access reviews", None, note="not evaluated: there is no access log"),
    )
    columns = (
        Column("tenant", "Tenant"),
        Column("provider", "Provider"),
        Column("first_request", "First request", Kind.time),
        Column("requests", "Requests", Kind.number),
        Column("succeeded", "Succeeded", Kind.share),
        Column("latency", "Latency", Kind.number, "ms"),
        Column("cost", "Cost", Kind.money, "USD"),
    )
    cells = tuple(
        (
            f"{TENANTS[row % len(TENANTS)]} {row // len(TENANTS) or ''}".strip(),
            PROVIDERS[row % 4],
            START + timedelta(minutes=7 * row, seconds=row % 60),
            (row * 7919) % 100_000,
            1 - (row % 13) / 400,
            200 + 100 * sin(row),
            Decimal(row * 7919 % 100_000) / Decimal(1000) if row % 9 else None,
        )
        for row in range(rows)
    )
    return Section(
        "usage",
        "Usage",
        (
            Figures(figures),
            _hourly("requests_by_hour", "Requests by hour", missing=3),
            Chart(
                "cost_by_tenant",
                "Cost by tenant",
                "Bars: acme has the highest cost, 5,400 USD.",
                ChartKind.bar,
                TENANTS[:10],
                (Series("cost", tuple(Decimal(5400 // (at + 1)) for at in range(10))),),
                Kind.money,
                "USD",
            ),
            Table("usage_by_tenant", "Usage by tenant and provider", columns, cells, shown=200),
        ),
        intro=(
            "Requests that were answered by a provider in the period, counted from the fact table"
            " `fact_generations`.\n\nCost is what the providers' price lists say."
        ),
    )


def _hourly(name: str, title: str, missing: int | None = None, shift: int = 0) -> Chart:
    def amounts(provider: int) -> tuple[int | None, ...]:
        return tuple(
            None
            if hour == missing
            else int(2000 + 1500 * sin((hour + shift) / 3.82 + provider)) // (provider + 1)
            for hour in range(len(HOURS))
        )

    series = tuple(Series(one, amounts(at)) for at, one in enumerate(PROVIDERS))
    words = f"Lines: {title.lower()}, a daily wave with its top at noon; hour 03:00 is missing."
    return Chart(name, title, words, ChartKind.line, HOURS, series, unit="requests")


def _trends(number: int) -> Section:
    days = tuple(
        Series(one, tuple((at + 3) * 1000 * (day + 1) % 17_000 for day in range(7)))
        for at, one in enumerate(PROVIDERS)
    )
    share = Series("succeeded", tuple(0.97 + 0.02 * sin(hour / 9) for hour in range(168)))
    blocks: tuple[Block, ...] = (
        Chart(
            f"tokens_by_day_{number}",
            "Tokens by day",
            "Columns on top of each other: tokens grow until Thursday.",
            ChartKind.stacked,
            DAYS,
            days,
            unit="tokens",
        ),
        Chart(
            f"success_{number}",
            "Share of requests that succeeded",
            "A line between 95 % and 99 %.",
            ChartKind.line,
            HOURS,
            (share,),
            Kind.share,
        ),
        _hourly(f"latency_{number}", "Requests by hour, once more", shift=number),
        Chart(
            f"by_model_{number}",
            "Requests by model and outcome",
            "Bars: most requests of every model succeed.",
            ChartKind.stacked,
            ("model-large", "model-small", "a model with a name that is much longer than others"),
            (Series("succeeded", (900, 700, 120)), Series("failed", (30, 12, 0))),
            unit="requests",
        ),
    )
    return Section(f"trends_{number}", f"Trends of week {number + 1}", blocks)


def _quality() -> Section:
    columns = (
        Column("rule", "Rule"),
        Column("table", "Table"),
        Column("version", "Version of the table", Kind.number),
        Column("failed", "Failed rows", Kind.number),
        Column("passed", "Passed", Kind.share),
        Column("blocking", "Blocks the hour", Kind.flag),
        Column("since", "Since", Kind.time),
        Column("file", "SHA-256 of the data file"),
        Column("remedy", "What to do"),
    )
    rows = tuple(
        (
            f"rule_{row:03}",
            "staged/generations",
            row * 31,
            row % 5,
            1 - (row % 5) / 10_000,
            row % 3 == 0,
            DAYS[row % 7],
            sha256(str(row).encode()).hexdigest(),
            "Ask the owner of the source whether negative token counts are refunds."
            if row % 4
            else None,
        )
        for row in range(200)
    )
    table = Table("rules", "Rules and what failed", columns, rows, shown=200)
    return Section(
        "quality",
        "Data quality",
        (Paragraph("All rules of the contracts, each hour."), table),
        Status.not_satisfied,
    )


def _findings() -> Section:
    statuses = (Status.satisfied, Status.not_satisfied, Status.not_evaluated)
    findings = tuple(
        Finding(
            f"CC7.{at + 1}",
            f"Promise {at + 1}: every row is in exactly one of staged, quarantine, duplicates",
            statuses[at % 3],
            (
                "Counted 1,284,031 rows in raw; 1,283,990 staged, 41 in quarantine.",
                f"Compared by {sha256(bytes([at])).hexdigest()}.",
            )[: 2 - at % 2],
        )
        for at in range(9)
    )
    return Section("findings", "Compliance findings", (Findings(findings),), Status.not_evaluated)


def _empty() -> Section:
    columns = (Column("id", "Incident"), Column("began", "Began", Kind.time))
    none = Chart(
        "no_data", "Incidents by day", "No incidents.", ChartKind.bar, (), (Series("n", ()),)
    )
    return Section(
        "incidents",
        "Incidents",
        (none, Table("incidents", "Incidents", columns, ())),
        Status.satisfied,
    )
