"""The files under deploy/ name only what is there: files, commands, settings, options, metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chimera_assets.monitoring.metrics.families import families
from chimera_assets.settings import PREFIX, Settings

FAMILIES = families()
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
BOARD = json.loads((DEPLOY / "grafana" / "chimera.json").read_text())
QUERIES = {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in BOARD["panels"]
    for target in panel.get("targets", ())
}
_OF_PROMETHEUS = (
    *(["sum", "min", "max", "by", "without", "time", "increase", "avg_over_time", "absent"]),
)


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def rules() -> dict[str, dict[str, Any]]:
    groups = read("prometheus/alerts.yml")["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def metrics(query: str) -> set[str]:
    """The metrics that a PromQL expression names: words that are no label and no function."""
    bare = re.sub(r"\{[^}]*\}|(?:by|without|on|ignoring) *\([^)]*\)|\"[^\"]*\"", "", query)
    return set(re.findall(r"\b(?:chimera|data_quality|delta_lake)_\w+", bare))


def test_the_board_and_the_alerts_name_only_metrics_that_there_are() -> None:
    alerts = {name: rule["expr"] for name, rule in rules().items()}
    for name, query in (QUERIES | alerts).items():
        assert metrics(query), name
        assert metrics(query) <= set(FAMILIES), name
    drawn = set().union(*map(metrics, QUERIES.values()))
    # Drawn as the age of what they tell, or needed by alerts only.
    assert set(FAMILIES) - drawn <= {"chimera_dag_end_timestamp_seconds"}


def test_every_label_of_a_query_is_one_of_its_metrics() -> None:
    for name, query in QUERIES.items():
        labels = set(re.findall(r"(?:by|without) *\(([^)]*)\)", query))
        named = {label.strip() for group in labels for label in group.split(",")}
        known = {label for metric in metrics(query) for label in FAMILIES[metric].labels}
        assert named <= known, name


def test_every_metric_and_every_alert_is_reported_to_users() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    reported, _, alerts = page.partition("## When these alerts fire")
    for name, family in FAMILIES.items():
        row = next((line for line in reported.splitlines() if line.startswith(f"| `{name}`")), "")
        assert row, name
        assert all(f"`{label}`" in row for label in family.labels), name
        assert ("counter" if family.counter else "gauge") in row, name
    for name in rules():
        assert f"`{name}`" in alerts, name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules_and_their_unit_tests() -> None:
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            ["promtool", *command],
            cwd=DEPLOY / "prometheus",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    tested = {
        case["alertname"]
        for test in read("prometheus/alerts.test.yml")["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tested == set(rules())


def test_what_the_image_copies_and_runs_is_there() -> None:
    for line in re.findall(r"^COPY (?!.*--from)(.*)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        assert [name for name in sources if not (ROOT / name).exists()] == []
    command = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0])
    assert command == read("compose.yaml")["services"]["code"]["command"]
    assert re.search(r"^USER chimera$", DOCKERFILE, re.MULTILINE)
    extras = re.search(r"--editable '\.\[([\w,]+)\]'", DOCKERFILE)
    assert extras is not None
    for extra in extras.group(1).split(","):
        assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()


def test_the_services_run_commands_that_are_there_with_options_they_know() -> None:
    from dagster._cli import create_dagster_cli
    from dagster._daemon.cli import cli as daemon
    from dagster_webserver.cli import dagster_webserver as pages

    programs = {
        "dagster": create_dagster_cli(),
        "dagster-daemon": daemon,
        "dagster-webserver": pages,
    }
    for name, service in read("compose.yaml")["services"].items():
        for line in (service.get("command"), service["healthcheck"]["test"][1:]):
            if name == "postgres" or line[0] == "python":
                continue
            command: Any = programs[line[0]]
            words = iter(line[1:])
            for word in words:
                if not word.startswith("-"):
                    command = command.commands[word]
                    continue
                known = {option: one for one in command.params for option in one.opts}
                assert word in known, (line, word)
                if not known[word].is_flag:
                    next(words)


def test_every_variable_is_known_and_given() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "example.env").read_text().splitlines()
        if line and not line.startswith("#")
    )
    ours = {name for name in example if name.startswith(PREFIX)}
    assert ours <= SETTINGS
    values = {name.removeprefix(PREFIX).lower(): example[name] for name in ours}
    assert Settings(**values).resolved_lake_uri == example["CHIMERA_LAKE_URI"]
    compose = (DEPLOY / "compose.yaml").read_text()
    asked = set(re.findall(r"env: (\w+)", (DEPLOY / "dagster.yaml").read_text()))
    asked |= set(re.findall(r"(?<!\$)\$\{(\w+)\}", compose))
    assert asked <= set(example)
    services = read("compose.yaml")["services"]
    hosts = set(re.findall(r"env: (\w+)", (DEPLOY / "workspace.yaml").read_text()))
    assert hosts <= set(services["daemon"]["environment"])
    assert services["daemon"]["environment"]["CODE_LOCATION_HOST"] in services


def test_kubernetes_values_name_what_the_charts_release_and_this_package_have() -> None:
    values = read("kubernetes/values.yaml")
    release = re.search(r'"dagster==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert release is not None
    text = (DEPLOY / "kubernetes" / "values.yaml").read_text()
    assert set(re.findall(r"--version ([\d.]+)|chart ([\d.]+\d)", text)) == {
        (release.group(1), ""),
        ("", release.group(1)),
    }
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert deployment["dagsterApiGrpcArgs"] == ["-m", "chimera_assets.definitions"]
    assert deployment["image"]["repository"] == read("compose.yaml")["x-chimera"]["image"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    assert launcher["envSecrets"] == deployment["envSecrets"]
    assert set(re.findall(r"CHIMERA_[A-Z_]+", text)) <= SETTINGS
