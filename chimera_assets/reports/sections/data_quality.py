"""Data quality: what became of the rows, which rules they broke, which hours are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import counted, in_short
from chimera_assets.reports import document as doc
from chimera_assets.reports.inputs import Source
from chimera_assets.reports.sections.draft import MOST_NAMED, Draft, figure_of, section, table_of
from chimera_assets.reports.sections.rejected_rows import (
    REJECTED_COLUMNS,
    lost_quarantine,
    what_became_of_rejected,
)

if TYPE_CHECKING:
    from chimera_assets.reports.inputs import Inputs
    from chimera_assets.reports.missing_hours import MissingHours

_NUMBER, _SHARE, _TIME = doc.Kind.number, doc.Kind.share, doc.Kind.time

#: An hour that was judged again has several accounts; the last one counts.
_NEWEST = """
WITH newest AS (
    SELECT * FROM quality.batches QUALIFY row_number() OVER (
        PARTITION BY stream, hour_partition, hour
        ORDER BY judged_at DESC, batch_id DESC, run_id DESC) = 1
)
"""
_PASSED = "1 - sum(quarantined) / nullif(sum(extracted), 0)"
_FIGURES = {
    "extracted": ("Rows extracted", "sum(extracted)::BIGINT", _NUMBER),
    "staged": ("Rows that are valid", "sum(staged)::BIGINT", _NUMBER),
    "rejected": ("Rows rejected", "sum(quarantined)::BIGINT", _NUMBER),
    "duplicates": ("Duplicates left out", "sum(duplicates)::BIGINT", _NUMBER),
    "passed": ("Rows that passed", _PASSED, _SHARE),
    "hours": ("Hours judged, of all streams", "count(*)", _NUMBER),
}
_FIGURE = f"{_NEWEST}SELECT {{sql}} FROM newest"  # noqa: S608 - of constants
_STREAMS = f"""{_NEWEST}
SELECT stream, count(*) AS hours, count(*) FILTER (NOT published) AS blocked,
    sum(extracted)::BIGINT AS extracted, sum(staged)::BIGINT AS staged,
    sum(quarantined)::BIGINT AS rejected, sum(duplicates)::BIGINT AS duplicates, {_PASSED} AS passed
FROM newest GROUP BY stream ORDER BY stream
"""  # noqa: S608 - of constants
_STREAM_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("hours", "Hours", _NUMBER),
    doc.Column("blocked", "Blocked", _NUMBER),
    doc.Column("extracted", "Extracted", _NUMBER),
    doc.Column("staged", "Valid", _NUMBER),
    doc.Column("rejected", "Rejected", _NUMBER),
    doc.Column("duplicates", "Duplicates", _NUMBER),
    doc.Column("passed", "Passed", _SHARE),
)
_RULES = """
WITH newest AS (
    SELECT * FROM quality.check_results QUALIFY row_number() OVER (
        PARTITION BY stream, hour_partition, hour, rule
        ORDER BY judged_at DESC, batch_id DESC, run_id DESC) = 1
)
SELECT stream, rule, CASE level WHEN 'row' THEN 'rows' ELSE 'hours' END AS counts, severity,
    count(*) FILTER (NOT passed) AS hours_failed, sum(checked)::BIGINT AS checked,
    sum(failed)::BIGINT AS failed, 1 - sum(failed) / nullif(sum(checked), 0) AS passed
FROM newest GROUP BY stream, rule, level, severity
ORDER BY sum(failed) > 0 DESC, stream, sum(failed) DESC, rule
"""
_RULE_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("rule", "Rule"),
    doc.Column("counts", "Counts"),
    doc.Column("severity", "Severity"),
    doc.Column("hours_failed", "In hours", _NUMBER),
    doc.Column("checked", "Checked", _NUMBER),
    doc.Column("failed", "Failed", _NUMBER),
    doc.Column("passed", "Passed", _SHARE),
)
_LACKING_COLUMNS = (
    doc.Column("stream", "Stream"),
    doc.Column("state", "What"),
    doc.Column("first_hour", "First hour", _TIME),
    doc.Column("last_hour", "Last hour", _TIME),
    doc.Column("hours", "Hours", _NUMBER),
)
#: Rules that nothing broke stand below those that failed; so many are shown at least.
_FEWEST_RULES = 12
_OF_ALL = "the accounts of hours, the rules' results and the quarantine are of the rows of all"


@section(
    "data_quality",
    "Data quality",
    "What became of the rows of the period, by the hour of their event and as judged last.",
)
def data_quality(inputs: Inputs, draft: Draft) -> None:
    """Rows by stream, rules that failed, hours that are not there, and the quarantine."""
    found = inputs.missing
    draft.add_findings([_finding(found)])
    _add_lacking(draft, found)
    if inputs.tenant is not None:
        draft.add_text(f"Left out: {_OF_ALL} tenants.")
        return
    if lost := lost_quarantine(inputs):
        title = "Of each row that was rejected it is known what became of it"
        status = doc.Status.not_satisfied
        draft.add_findings([doc.Finding("data_quality.rejected", title, status, tuple(lost))])
    queries = {name: _FIGURE.format(sql=sql).strip() for name, (_, sql, _) in _FIGURES.items()}
    queries |= {"streams": _STREAMS.strip(), "rules": _RULES.strip()}
    if (sql := what_became_of_rejected(inputs)) is not None:
        queries["quarantine"] = sql
    answers = draft.ask(queries)
    draft.add_figures(
        *(
            figure_of(name, answers[name], title, kind)
            for name, (title, _, kind) in _FIGURES.items()
        )
    )
    draft.add_table(
        *table_of(
            "quality_streams", "Hours and rows by stream", _STREAM_COLUMNS, answers["streams"]
        )
    )
    rules = answers["rules"]
    failing = sum(row[6] > 0 for row in rules.rows)
    shown = max(failing, _FEWEST_RULES)
    title = f"Rules, {failing:,} of {len(rules.rows):,} were broken"
    draft.add_table(*table_of("quality_rules", title, _RULE_COLUMNS, rules, shown=shown))
    if sql is not None:
        title = "Rejected rows, and what became of them"
        answer = answers["quarantine"]
        draft.add_table(*table_of("quality_quarantine", title, REJECTED_COLUMNS, answer))


def _finding(found: MissingHours) -> doc.Finding:
    """Whether every hour is published."""
    title = "Every hour of the period is published, of every stream from its first hour on"
    expected = sum(found.expected.values())
    if not expected:
        status, seen = doc.Status.not_evaluated, ["no stream was expected to have any hour"]
    elif found.lacking or any(found.pending.values()):
        status, notes = doc.Status.not_satisfied, found.notes()
        seen = list(notes[:MOST_NAMED])
        if more := len(notes) - MOST_NAMED:
            seen += [f"and {more:,} more"] * (more > 0)
    else:
        status = doc.Status.satisfied
        seen = [f"{counted(expected, 'hour')} of {in_short(sorted(found.expected))}"]
        seen += found.notes()  # of streams that began within the period
    return doc.Finding("data_quality.hours", title, status, tuple(seen))


def _add_lacking(draft: Draft, found: MissingHours) -> None:
    if found.answer is not None:
        title = "Hours that are missing or held back"
        draft.add_table(*table_of("missing_hours", title, _LACKING_COLUMNS, found.answer))
        return
    rows = tuple(
        (one.stream, one.state, one.hours.start, [*one.hours][-1], len(one.hours))
        for one in found.lacking
    )
    table = doc.Table("missing_hours", "Hours that are missing", _LACKING_COLUMNS, rows)
    draft.add_table(table, Source("missing_hours", table.title, "no hour was ever judged"))
