"""What a panel's columns are called, mean and look like, in both languages.

English meanings are the metric catalog's; here are those of columns that panels compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from otel_analytics.metrics import load_catalog

if TYPE_CHECKING:
    from otel_analytics.web.texts import Language

__all__ = ["Kind", "Meaning", "meaning_of"]

Kind = Literal["text", "day", "flag", "count", "percent", "number"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A column as people read it. `kind` is how its values are written."""

    name: str
    label: str
    help: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Column:
    kind: Kind
    label: str
    label_ko: str
    help_ko: str
    help: str = ""  # empty: the catalog's


# By name, or by `query type.name` where the same name means another thing there.
_COLUMNS: Final = {
    "service_name": _Column("text", "Service", "서비스", "서비스 이름"),
    "execution_date": _Column("day", "As of", "기준일", "테이블을 만든 날(E); 마지막 날은 E−1"),
    "date": _Column("day", "Day", "날짜", "해당 날짜"),
    "year_month": _Column("text", "Month", "월", "해당 월(YYYY-MM)"),
    "is_partial": _Column(
        "flag",
        "Partial",
        "일부 기간",
        "그달이 기간에 다 들어 있지 않은지 여부: 아직 끝나지 않았거나 min_data_date로 잘림",
    ),
    "daily_active_users": _Column(
        "count", "Daily active users", "일간 활성 사용자", "그날 활성 이벤트가 있는 순 사용자 수"
    ),
    "mean_of_7_days": _Column(
        "number",
        "Mean of 7 days",
        "7일 평균",
        "그날까지 7일간 일간 활성 사용자의 평균; 행이 없는 날은 0으로 셈",
        "mean daily active users of the seven days up to this one; a day without a row counts as 0",
    ),
    "table_begins": _Column(
        "day",
        "Table begins",
        "테이블 시작",
        "테이블의 첫 날짜; 그 뒤로 행이 없는 날은 0으로 셈",
        "the table's first day; from then on, a day without a row counts as 0",
    ),
    "monthly_active_users": _Column(
        "count", "Monthly active users", "월간 활성 사용자", "그달 활성 이벤트가 있는 순 사용자 수"
    ),
    "stickiness": _Column(
        "percent",
        "Stickiness",
        "고착도",
        "100 · daily_active_users / 그 날짜가 속한 달의 monthly_active_users",
        "100 · daily_active_users / monthly_active_users of the day's calendar month",
    ),
    "daily_sessions": _Column(
        "count", "Sessions", "세션", "사용자가 있는 활성 이벤트를 가진 그날의 순 세션 수"
    ),
    "daily_events": _Column(
        "count", "Events", "이벤트", "그날 사용자가 있는 이벤트 수(활성 여부와 무관)"
    ),
    "events_per_user": _Column(
        "number",
        "Events per user",
        "사용자당 이벤트",
        "daily_events / daily_active_users; 활성 사용자가 없으면 NULL",
    ),
    "calculation_date": _Column("day", "Day", "날짜", "해당 날짜"),
    "retention.calculation_date": _Column("day", "Base day", "기준 날짜", "사용자가 활성이었던 날"),
    "retention_type": _Column(
        "text", "Return after", "재방문 시점", "D+1, D+7, D+30: 기준 날짜로부터 며칠 뒤인지"
    ),
    "base_users": _Column("count", "Base users", "기준 사용자", "기준 날짜에 활성인 순 사용자 수"),
    "retained_users": _Column(
        "count", "Retained users", "재방문 사용자", "그중 재방문 날짜에도 활성인 사용자 수"
    ),
    "retention_rate": _Column(
        "percent",
        "Retention",
        "리텐션",
        "기준 사용자 중 재방문 사용자: 100 · retained_users / base_users",
    ),
    "return_date": _Column("day", "Return day", "재방문 날짜", "기준 날짜로부터 1, 7, 30일 뒤"),
    "is_previous": _Column(
        "flag",
        "Previous period",
        "이전 기간",
        "선택한 기간 바로 앞, 같은 길이의 기간인지 여부",
        "whether the row is of the period of the same length before the one selected",
    ),
    "base_days": _Column(
        "count",
        "Base days",
        "기준 날짜 수",
        "재방문 날짜가 지난 기준 날짜의 수",
        "base days whose return day is over",
    ),
    "first_base_day": _Column(
        "day", "First base day", "첫 기준 날짜", "그중 첫 날짜", "the first of these base days"
    ),
    "last_base_day": _Column(
        "day",
        "Last base day",
        "마지막 기준 날짜",
        "그중 마지막 날짜",
        "the last of these base days",
    ),
    "days": _Column(
        "count",
        "Days",
        "날짜 수",
        "기간 안에 행이 있는 날짜의 수",
        "days of the period that have a row",
    ),
    "first_day": _Column("day", "First day", "첫 날짜", "그중 첫 날짜", "the first of these days"),
    "last_day": _Column(
        "day", "Last day", "마지막 날짜", "그중 마지막 날짜", "the last of these days"
    ),
    "total_sessions": _Column(
        "count", "Sessions", "세션", "그날 세션 시작 이벤트가 있는 순 세션 수"
    ),
    "session_metrics.total_sessions": _Column(
        "count", "Sessions", "세션", "그날 이벤트가 있는 순 세션 수"
    ),
    "product_view_sessions": _Column(
        "count", "Product view", "상품 조회", "그날 상품 조회 이벤트가 있는 순 세션 수"
    ),
    "cart_add_sessions": _Column(
        "count", "Cart", "장바구니", "그날 장바구니 이벤트가 있는 순 세션 수"
    ),
    "viewed_cart_sessions": _Column(
        "count", "View and cart", "조회와 장바구니", "그날 두 이벤트가 모두 있는 순 세션 수"
    ),
    "product_view_rate": _Column(
        "percent",
        "Product view rate",
        "상품 조회율",
        "세션 중 상품을 조회한 세션: 100 · product_view_sessions / total_sessions",
    ),
    "cart_conversion_rate": _Column(
        "percent",
        "Cart conversion rate",
        "장바구니 전환율",
        "100 · cart_add_sessions / product_view_sessions; 조회 없는 장바구니가 있으면 100을 넘음",
    ),
    "overall_conversion_rate": _Column(
        "percent",
        "Overall conversion rate",
        "전체 전환율",
        "세션 중 장바구니에 담은 세션: 100 · cart_add_sessions / total_sessions",
    ),
    "user_conversion_rate": _Column(
        "percent",
        "User conversion rate",
        "사용자 전환율",
        "사용자 중 장바구니에 담은 사용자: 100 · purchasing_users / total_users",
    ),
    "view_to_cart_rate": _Column(
        "percent",
        "View-to-cart rate",
        "조회→장바구니 비율",
        "조회한 세션 중 담기도 한 세션: 100 · viewed_cart_sessions / product_view_sessions",
    ),
    "cohort_type": _Column("text", "Cohort", "코호트", "첫 활성일이 얼마나 오래되었는지"),
    "user_count": _Column("count", "Users", "사용자", "코호트의 순 사용자 수; 없으면 0"),
    "user_share": _Column(
        "percent",
        "Share of users",
        "사용자 비율",
        "100 · user_count / 네 코호트의 사용자 합계",
        "100 · user_count / users of the four cohorts together",
    ),
    "median_events_per_session": _Column(
        "count", "Median", "중앙값", "세션당 이벤트 수의 중앙값(최근접 순위)"
    ),
    "avg_events_per_session": _Column("number", "Mean", "평균", "세션당 이벤트 수의 평균"),
    "p90_events_per_session": _Column(
        "count", "90th percentile", "90백분위수", "세션당 이벤트 수의 90백분위수(최근접 순위)"
    ),
    "max_events_per_session": _Column(
        "count", "Maximum", "최댓값", "한 세션의 가장 많은 이벤트 수"
    ),
    "event_type": _Column("text", "Event", "이벤트", "이벤트 이름, 또는 `(other)`"),
    "event_count": _Column("count", "Events", "이벤트 수", "그 이름의 이벤트 수"),
    "percentage_of_total": _Column(
        "percent", "Share", "비율", "100 · event_count / 기간 안의 이름 있는 이벤트 전체"
    ),
    "unique_users": _Column("count", "Users", "사용자", "그 이벤트의 순 사용자 수"),
    "unique_sessions": _Column("count", "Sessions", "세션", "그 이벤트의 순 세션 수"),
}


def meaning_of(query_type: str, name: str, language: Language) -> Meaning:
    """Return what a column is called and means in a panel over this query type.

    Raises: KeyError if no panel has it
    """
    column = _COLUMNS.get(f"{query_type}.{name}") or _COLUMNS[name]
    if language == "ko":
        return Meaning(name, column.label_ko, column.help_ko, column.kind)
    return Meaning(name, column.label, column.help or _of_catalog(query_type, name), column.kind)


def _of_catalog(query_type: str, name: str) -> str:
    # A panel may join a column of another table to its own.
    metrics = (load_catalog()[query_type], *load_catalog().values())
    columns = (column for metric in metrics for column in metric.columns)
    return next(column.help for column in columns if column.name == name)
