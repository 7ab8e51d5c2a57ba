"""Settings: where they come from, which wins, and how a wrong one is refused."""

from datetime import date
from pathlib import Path

import pytest

from otel_analytics.config import Settings, load_settings, settings_table
from otel_analytics.errors import InvalidSettings


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text('timezone = "Asia/Seoul"\nhome = "a"\nmemory_limit = "1GB"\n')
    settings = load_settings(
        file=file,
        environment={"OTEL_ANALYTICS_HOME": "b", "OTEL_ANALYTICS_MEMORY_LIMIT": "3GB"},
        flags={"home": "c"},
    )
    assert (settings.timezone, settings.memory_limit, settings.home) == ("Asia/Seoul", "3GB", "c")


def test_a_home_in_a_file_is_meant_from_that_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text('home = "data"\n')
    assert load_settings(file=file, environment={}).home == str(tmp_path / "data")


@pytest.mark.parametrize("name", ["home", "checks.folder"])
def test_a_folder_may_begin_in_a_users_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    file = tmp_path / "otel-analytics.toml"
    file.write_text(f'{name} = "~/mine"\n')
    group, _, inner = name.rpartition(".")
    for settings in (
        load_settings(file=file, environment={}),
        load_settings(environment={}, flags={name: "~/mine"}),
    ):
        assert getattr(getattr(settings, group) if group else settings, inner) == "/somebody/mine"


def test_a_folder_of_a_user_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidSettings, match=r"checks\.folder: "):
        load_settings(environment={}, flags={"checks.folder": "~nobody-of-this-name/mine"})


def test_accepted_gaps_are_days(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text('[checks]\naccepted_gaps = ["2024-01-05", "2024-02-29"]\n')
    settings = load_settings(file=file, environment={})
    assert settings.checks.accepted_gaps == ("2024-01-05", "2024-02-29")


def test_every_setting_can_be_set_by_its_variable() -> None:
    for setting in settings_table():
        assert setting.help.endswith(".")
        assert setting.variable.startswith("OTEL_ANALYTICS_")
    settings = load_settings(
        environment={
            "OTEL_ANALYTICS_EVENTS_PRODUCT_VIEW": "view, look",
            "OTEL_ANALYTICS_EVENTS_MAX_NAMES": "5",
            "MIN_DATA_DATE": "2025-01-01",
        }
    )
    assert settings.events.product_view == ("view", "look")
    assert settings.events.max_names == 5
    assert settings.min_data_date == date(2025, 1, 1)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("False", False), ("TRUE", True)]
)
def test_a_flag_is_true_or_false_in_a_variable(text: str, value: bool) -> None:
    variable = "OTEL_ANALYTICS_SOURCE_PARTITION_IS_EVENT_DATE"
    assert load_settings(environment={variable: text}).source.partition_is_event_date is value


def test_a_flag_is_a_boolean_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text("[source]\npartition_is_event_date = false\n")
    assert load_settings(file=file, environment={}).source.partition_is_event_date is False


@pytest.mark.parametrize("day", [date(1971, 1, 1), date(9998, 12, 31)])
def test_the_first_and_the_last_day_that_can_be_set(tmp_path: Path, day: date) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text(f"min_data_date = {day}\n")
    assert load_settings(file=file, environment={}).min_data_date == day


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(environment={}) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezone = 9", "timezone: write a text"),
        ('timezone = "Mars/Olympus"', "'Mars/Olympus' is not in the IANA database"),
        ('colour = "red"', "there is no setting 'colour'; the settings are: home, lake"),
        ("[events]\nmax_names = 0", "must be 1 or more"),
        ("[checks]\naccepted_gaps = ['5.1.2024']", "checks.accepted_gaps '5.1.2024' is"),
        ("[events]\nmax_names = true", "write a whole number"),
        ("[events]\nactive = [1]", "write a list of texts"),
        ('min_data_date = "soon"', "min_data_date 'soon' is not a date: write it as YYYY-MM-DD"),
        ("min_data_date = 5", "min_data_date 5 is not a date"),
        ("min_data_date = 2025-01-01T00:00:00", "is not a date"),
        ("min_data_date = 1970-12-31", "min_data_date 1970-12-31 is not allowed: use 1971-01-01"),
        ('min_data_date = "9999-01-01"', "min_data_date 9999-01-01 is not allowed"),
        ("[source]\npartition_is_event_date = 1", "write true or false"),
        ('[source]\npartition_is_event_date = "no"', "write true or false"),
        ('[athena]\ns3_base = "s3://bucket"', "is a bare bucket; add a prefix"),
        ('[athena]\ns3_base = "/tmp"', "is not an S3 address"),
        ('[athena]\ndatabase = "log db"', "is not a name in Glue"),
        ('[source]\npartitions = ["year"]', "name the year, month and day columns, or none"),
        ("timezone =", "is not valid TOML"),
        ('engine = "spark"', "engine: write duckdb or trino"),
        ('[trino]\nscheme = "ftp"', "trino.scheme: write http or https"),
        ("[trino]\nport = 70000", "trino.port: write 1 to 65535"),
        ('[trino]\nschema = "a.b"', "trino.schema: 'a.b' is no name"),
        ('[trino]\nstorage = "/mnt"', "trino.storage: '/mnt' is no place"),
        ('[trino]\nstorage = "local:///home"', "a path that ends with /"),
        ('[trino]\nsession = ["fast"]', "trino.session: 'fast': write NAME=VALUE"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text(text)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(file=file, environment={})
    assert message in str(caught.value)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(InvalidSettings, match=r"^OTEL_ANALYTICS_EVENTS_MAX_NAMES: "):
        load_settings(environment={"OTEL_ANALYTICS_EVENTS_MAX_NAMES": "many"})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("7", 7),
        ("7B", 7),
        ("10GB", 10_000_000_000),
        ("10 gb", 10_000_000_000),
        ("1.5MB", 1_500_000),
        ("500k", 500_000),
        ("1KiB", 1024),
        ("1.5TiB", 1_649_267_441_664),
        ("2P", 2 * 10**15),
    ],
)
def test_a_size_is_bytes_in_decimal_or_binary_units(text: str, size: int) -> None:
    settings = load_settings(environment={"OTEL_ANALYTICS_BUDGET_MAX_SCAN": text})
    assert settings.budget.max_scan == size


def test_without_a_size_there_is_no_budget(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text("[budget]\nmax_scan = 5\n")
    assert Settings().budget.max_scan is None
    assert load_settings(file=file, environment={}).budget.max_scan == 5
    flags = {"budget.max_scan": ""}
    assert load_settings(file=file, environment={}, flags=flags).budget.max_scan is None


@pytest.mark.parametrize("text", ["GB", "-1", "1e9", "10iB", "ten", "1,5GB", "true"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings, match="write a size such as 10GB"):
        load_settings(environment={"OTEL_ANALYTICS_BUDGET_MAX_SCAN": text})


def test_a_price_is_a_number(tmp_path: Path) -> None:
    file = tmp_path / "otel-analytics.toml"
    file.write_text("[prices]\nathena_usd_per_tb = 6\n")
    variable = "OTEL_ANALYTICS_PRICES_LAMBDA_GB_SECONDS_PER_CALL"
    settings = load_settings(file=file, environment={variable: "0.25"})
    assert settings.prices.athena_usd_per_tb == 6.0
    assert settings.prices.lambda_gb_seconds_per_call == 0.25


@pytest.mark.parametrize("text", ["free", "-1", "inf", "nan", "5 USD"])
def test_a_price_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^--set prices\.athena_usd_per_tb: "):
        load_settings(environment={}, flags={"prices.athena_usd_per_tb": text})
