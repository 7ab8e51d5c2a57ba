"""The texts of panels and report, each in English and Korean."""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["TEXTS", "Language"]

Language = Literal["en", "ko"]

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "yes": ("yes", "예"),
    "no": ("no", "아니요"),
    # groups
    "users.group": ("Active users", "활성 사용자"),
    "retention.group": ("Retention", "리텐션"),
    "conversion.group": ("Conversion", "전환"),
    "cohorts.group": ("Cohorts", "코호트"),
    "sessions.group": ("Sessions", "세션"),
    "events.group": ("Events", "이벤트"),
    # panels
    "dau.title": ("Daily active users", "일간 활성 사용자 (DAU)"),
    "dau.help": (
        "Distinct users with an active event on the day, and the mean of seven days.",
        "그날 활성 이벤트가 있는 순 사용자 수와 7일 평균입니다.",
    ),
    "mau.title": ("Monthly active users", "월간 활성 사용자 (MAU)"),
    "mau.help": (
        "Distinct users with an active event in the calendar month.",
        "그달 활성 이벤트가 있는 순 사용자 수입니다.",
    ),
    "stickiness.title": ("Stickiness", "고착도 (DAU/MAU)"),
    "stickiness.help": (
        "Of the users active in a calendar month, how many were active on the day (DAU/MAU).",
        "그달의 활성 사용자 가운데 그날 활성인 사용자의 비율입니다(DAU/MAU).",
    ),
    "daily_sessions.title": ("Sessions per day", "일별 세션"),
    "daily_sessions.help": (
        "Distinct sessions with an active event that carries a user.",
        "사용자가 있는 활성 이벤트를 가진 순 세션 수입니다.",
    ),
    "events_per_user.title": ("Events per user", "사용자당 이벤트"),
    "events_per_user.help": (
        "Events of the day that carry a user, by the users active on it.",
        "그날 사용자가 있는 이벤트 수를 활성 사용자 수로 나눈 값입니다.",
    ),
    "retention.title": ("Retention by base day", "기준 날짜별 리텐션"),
    "retention.help": (
        "Of the users active on a base day, the share active again exactly 1, 7 and 30 days later.",
        "기준 날짜에 활성인 사용자 가운데 정확히 1, 7, 30일 뒤에 다시 활성인 비율입니다.",
    ),
    "retention_curve.title": ("Retention curve", "리텐션 곡선"),
    "retention_curve.help": (
        "The same over all base days of the range, each weighted by its users.",
        "기간의 모든 기준 날짜를 사용자 수로 가중한 값입니다.",
    ),
    "funnel.title": ("Funnel", "퍼널"),
    "funnel.help": (
        "Sessions of each day that came to a step, summed over the range, as a share of all "
        "sessions.",
        "각 단계에 이른 그날의 세션을 기간 전체로 더해 전체 세션에 대한 비율로 나타냅니다.",
    ),
    "conversion.title": ("Conversion rates", "전환율"),
    "conversion.help": (
        "The rates between the steps on each day.",
        "날짜별 단계 사이의 비율입니다.",
    ),
    "cohorts.title": ("Users by first activity", "첫 활동 시점별 사용자"),
    "cohorts.help": (
        "Users active in the last 365 days, by how long ago the first of these days was.",
        "최근 365일 안에 활성인 사용자를 그 첫 활성일이 얼마나 오래되었는지로 나눕니다.",
    ),
    "cohort_history.title": ("Cohorts over time", "코호트 추이"),
    "cohort_history.help": (
        "The same four cohorts as of each execution date whose tables are kept.",
        "보관된 실행 기준일마다의 네 코호트입니다.",
    ),
    "session_events.title": ("Events per session", "세션당 이벤트"),
    "session_events.help": (
        "Median, mean, 90th percentile and maximum of the day's sessions.",
        "그날 세션의 중앙값, 평균, 90백분위수, 최댓값입니다.",
    ),
    "events.title": ("Events by name", "이벤트 분포"),
    "events.help": (
        "How often each event occurred in the last seven days.",
        "최근 7일 동안 이벤트 이름별 발생 횟수입니다.",
    ),
    # within charts
    "previous_period": ("Previous period", "이전 기간"),
    "this_period": ("This period", "선택한 기간"),
    "partial": ("Not complete", "일부 기간"),
    "not_over": ("not over yet", "아직 지나지 않음"),
    "day": ("Day", "날짜"),
    "users.axis": ("Users", "사용자"),
    "sessions.axis": ("Sessions", "세션"),
    "stickiness.axis": ("DAU / MAU, %", "DAU / MAU, %"),
    "step": ("Step", "단계"),
    "period": ("Period", "기간"),
    "events_per_session": ("Events per session", "세션당 이벤트"),
    "log_scale": ("{axis} (log scale)", "{axis} (로그 눈금)"),
    "rate": ("Rate, %", "비율, %"),
    "of_sessions": ("% of sessions", "세션 대비 %"),
    "of_step_before": ("Of the step before", "이전 단계 대비"),
    "shown": ("Show ", "보기 "),
    "value": ("Value", "값"),
    "search_events": ("Search events ", "이벤트 검색 "),
    "cohort.New (0-7d)": ("New (0–7 days)", "신규 (0–7일)"),
    "cohort.Recent (8-30d)": ("Recent (8–30 days)", "최근 (8–30일)"),
    "cohort.Active (31-90d)": ("Active (31–90 days)", "활동 (31–90일)"),
    "cohort.Veteran (90d+)": ("Veteran (over 90 days)", "장기 (90일 초과)"),
    # the report
    "report.noscript": (
        "The charts need JavaScript, which this file holds; the data below them do not.",
        "차트에는 이 파일에 든 JavaScript가 필요합니다. 아래의 데이터에는 필요하지 않습니다.",
    ),
    "report.all_days": ("All days of the tables.", "테이블의 모든 날짜."),
    "report.compared": (
        "Beside them, the same number of days before.",
        "바로 앞의 같은 길이 기간과 비교.",
    ),
    # what to know of the numbers
    "as_of": ("As of {day}: complete days up to {last}.", "{day} 기준: {last}까지의 온전한 날짜."),
    "as_of_service": (
        "{service}: as of {day}, complete days up to {last}.",
        "{service}: {day} 기준, {last}까지의 온전한 날짜.",
    ),
    "no_tables": (
        "There are no tables of {services} yet. otel-analytics run builds them.",
        "{services}의 테이블이 아직 없습니다. otel-analytics run으로 만듭니다.",
    ),
    "no_table": (
        "There is no table {tables}. The next otel-analytics run of its service builds it.",
        "{tables} 테이블이 없습니다. 서비스의 다음 otel-analytics run이 만듭니다.",
    ),
    "no_rows": (
        "No row of {services} in this range: {why}.",
        "이 기간에는 {services}의 행이 없습니다. {why}.",
    ),
    "no_rows_at_all": ("No row of {services}: {why}.", "{services}의 행이 없습니다. {why}."),
    "rows_of.dau": (
        "the table has one for each day on which an event carries a user",
        "테이블에는 사용자가 있는 이벤트가 일어난 날마다 행이 있습니다",
    ),
    "rows_of.mau": (
        "the table has one for each month in which an event carries a user",
        "테이블에는 사용자가 있는 이벤트가 일어난 달마다 행이 있습니다",
    ),
    "rows_of.retention": (
        "the table has one for each day with an active user whose return day is over",
        "테이블에는 활성 사용자가 있고 재방문 날짜가 지난 날마다 행이 있습니다",
    ),
    "rows_of.user_cohort": (
        "the table has some only if a user was active in the 365 days before its date",
        "기준일 전 365일 안에 활성 사용자가 있어야 테이블에 행이 있습니다",
    ),
    "rows_of.conversion": (
        "the table has one for each day on which an event carries a session",
        "테이블에는 세션이 있는 이벤트가 일어난 날마다 행이 있습니다",
    ),
    "rows_of.session_metrics": (
        "the table has one for each day on which an event carries a session",
        "테이블에는 세션이 있는 이벤트가 일어난 날마다 행이 있습니다",
    ),
    "rows_of.event_distribution": (
        "the table has one for each event name of the seven days before its date",
        "테이블에는 기준일 전 7일의 이벤트 이름마다 행이 있습니다",
    ),
    "no_event": (
        "{service}: no session has an event that these settings name: {settings}. "
        "otel-analytics inspect lists the event names there are.",
        "{service}: 다음 설정의 이벤트가 있는 세션이 없습니다: {settings}. "
        "otel-analytics inspect로 이벤트 이름을 볼 수 있습니다.",
    ),
    "no_services": ("No service is selected.", "선택한 서비스가 없습니다."),
    "table_begins": (
        "The table begins on {day}; earlier days of the range are not in it.",
        "테이블은 {day}부터입니다. 기간의 이전 날짜는 없습니다.",
    ),
    "table_ends": (
        "The table ends on {day}; later days of the range are not in it.",
        "테이블은 {day}까지입니다. 기간의 이후 날짜는 없습니다.",
    ),
    "previous_drawn": (
        "Previous period, drawn lighter, lines in dashes: {days}.",
        "이전 기간(옅은 색, 선은 점선): {days}.",
    ),
    "previous_cut": (
        "The previous period is not whole: the table begins on {day}.",
        "이전 기간의 일부만 보입니다. 테이블은 {day}부터입니다.",
    ),
    "no_previous": (
        "The previous period lies before the table begins, on {day}.",
        "이전 기간은 테이블이 시작하는 {day}보다 앞에 있습니다.",
    ),
    "no_previous_of_open": (
        "No previous period: choose the last day of the range, too.",
        "이전 기간이 없습니다. 기간의 끝도 지정하세요.",
    ),
    "no_range": (
        "The range of days does not apply: the table is one window, up to its date.",
        "기간 선택이 적용되지 않습니다. 테이블은 기준일까지의 한 기간입니다.",
    ),
    "all_months": (
        "All months of the table are shown, whatever the range.",
        "기간 선택과 무관하게 테이블의 모든 월을 보여 줍니다.",
    ),
    "partial_months": (
        "{months}: not complete, drawn lighter.",
        "{months}: 온전하지 않은 기간이며 옅게 그렸습니다.",
    ),
    "partial_months_stickiness": (
        "{months}: the month is not complete, so its MAU is low and the rate high; drawn lighter.",
        "{months}: 월이 온전하지 않아 MAU가 작고 비율이 높습니다. 옅게 그렸습니다.",
    ),
    "not_over_yet": (
        "Not over yet: {types}.",
        "아직 지나지 않음: {types}.",
    ),
    "not_over_yet_outlined": (
        "Not over yet, drawn as outlines: {types}.",
        "아직 지나지 않음(테두리만 그림): {types}.",
    ),
    "type_after": ("{type} of base days after {day}", "{day} 이후 기준 날짜의 {type}"),
}
