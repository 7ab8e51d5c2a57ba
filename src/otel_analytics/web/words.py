"""Words, numbers and dates in English and Korean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from otel_analytics.names import harmless
from otel_analytics.web.columns import meaning_of
from otel_analytics.web.texts import TEXTS, Language

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from otel_analytics.web.columns import Kind, Meaning

__all__ = ["LANGUAGES", "Language", "Words", "language_of_locale", "shortened"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "ko")

_WEEKDAYS: Final = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "ko": ("월", "화", "수", "목", "금", "토", "일"),
}
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

_NUMBERS: Final = {"count": "{:,}", "percent": "{:,.2f}%", "number": "{:,.2f}"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; a page adds its own, each key with (English, Korean)."""

    language: Language
    more: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text of a key, with `{names}` in it replaced.

        Raises: KeyError if there is no such text or value
        """
        texts = self.more[key] if key in self.more else TEXTS[key]
        return texts[LANGUAGES.index(self.language)].format_map(values)

    def column(self, query_type: str, name: str) -> Meaning:
        """Return what a column of a panel over this query type is called and means."""
        return meaning_of(query_type, name, self.language)

    def day(self, day: date) -> str:
        """Return a day with its weekday: `Sat 29 Jun 2024`."""
        weekday = _WEEKDAYS[self.language][day.weekday()]
        if self.language == "ko":
            return f"{day.year}년 {day.month}월 {day.day}일 ({weekday})"
        return f"{weekday} {day.day} {_MONTHS[day.month - 1]} {day.year}"

    def period(self, first: date, last: date) -> str:
        """Return a range of days, both ends in it."""
        return f"{self.day(first)} – {self.day(last)}"

    def value(self, value: Any, kind: Kind) -> str:
        """Return a value as people read it, `–` for NULL; no character of it steers the reader."""
        if value is None:
            return "–"
        if kind == "day":
            return self.day(value)
        if kind == "flag":
            return self("yes" if value else "no")
        if kind == "text":
            return shortened(str(value), 300)
        return _NUMBERS[kind].format(value)


def language_of_locale(environment: Mapping[str, str]) -> Language:
    """Return the language that the environment's locale asks for.

    Source: https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html
    """
    values = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((value for value in values if value), "")
    return "ko" if locale.startswith("ko") else "en"


def shortened(text: str, length: int) -> str:
    """Return a text of at most `length` characters and how many it has, controls written out."""
    if len(text) > length:
        text = f"{text[:length]}… ({len(text):,})"
    return harmless(text)
