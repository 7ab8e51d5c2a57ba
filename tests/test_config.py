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


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(environment={}) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timezone = 9", "timezone: write a text"),
        ('timezone = "Mars/Olympus"', "'Mars/Olympus' is not in the IANA database"),
        ('colour = "red"', "there is no setting 'colour'; the settings are: home, lake"),
        ("[events]\nmax_names = 0", "must be 1 or more"),
        ("[events]\nmax_names = true", "write a whole number"),
        ("[events]\nactive = [1]", "write a list of texts"),
        ('min_data_date = "soon"', "min_data_date: "),
        ('[athena]\ns3_base = "s3://bucket"', "is a bare bucket; add a prefix"),
        ('[athena]\ns3_base = "/tmp"', "is not an S3 address"),
        ('[athena]\ndatabase = "log db"', "is not a name in Glue"),
        ('[source]\npartitions = ["year"]', "name the year, month and day columns, or none"),
        ("timezone =", "is not valid TOML"),
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
