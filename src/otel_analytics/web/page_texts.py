"""The texts of the dashboard's pages, in English and Korean."""

from __future__ import annotations

from typing import Final

__all__ = ["PAGE_TEXTS"]

# key: (English, Korean)
PAGE_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "page.overview": ("Overview", "개요"),
    "page.events": ("Events", "이벤트"),
    "page.pipeline": ("Pipeline", "파이프라인"),
    "page.query": ("Query", "쿼리"),
    "page.skip": ("Skip to content", "본문으로 건너뛰기"),
    "page.noscript": (
        "The charts need JavaScript, which this page brings along. Without it, each chart's data "
        "can be downloaded.",
        "차트에는 이 페이지가 제공하는 JavaScript가 필요합니다. JavaScript 없이도 데이터는 "
        "내려받을 수 있습니다.",
    ),
    "range.title": ("Days", "기간"),
    "range.30": ("30 days", "30일"),
    "range.90": ("90 days", "90일"),
    "range.365": ("365 days", "365일"),
    "range.all": ("All", "전체"),
    "range.own": ("Own range", "직접 지정"),
    "range.from": ("From", "시작"),
    "range.to": ("To", "끝"),
    "range.compare": ("Compare with the previous period", "이전 기간과 비교"),
    "range.nothing_before": (
        "Nothing to compare with: the tables begin on {day}.",
        "비교할 이전 기간이 없습니다. 테이블은 {day}부터입니다.",
    ),
    "range.show": ("Show", "보기"),
    "services.title": ("Services", "서비스"),
    "services.several": ("{count} services", "서비스 {count}개"),
    "asof": ("As of {day}", "{day} 기준"),
    "asof.help": (
        "The execution date of the newest published tables: they hold what happened before it.",
        "가장 최근에 게시된 테이블의 실행 날짜입니다. 그 전날까지의 데이터를 담고 있습니다.",
    ),
    "loading": ("Loading…", "불러오는 중…"),
    "failed.title": ("This could not be shown", "표시할 수 없습니다"),
    "failed.network": (
        "The dashboard does not answer. Is otel-analytics dashboard still running?",
        "대시보드가 응답하지 않습니다. otel-analytics dashboard가 실행 중인지 확인하세요.",
    ),
    "failed.token": (
        "The token is needed again: load this page anew, and enter it.",
        "토큰을 다시 입력해야 합니다. 페이지를 새로 고친 뒤 입력하세요.",
    ),
    "failed.other": (
        "The dashboard answered with an error; the terminal where it runs says more.",
        "대시보드가 오류로 응답했습니다. 실행 중인 터미널에서 자세한 내용을 확인하세요.",
    ),
    "failed.stale": ("Not updated since", "마지막 갱신:"),
    "failed.chart": (
        "The chart could not be drawn. Its data can be downloaded.",
        "차트를 그리지 못했습니다. 데이터는 내려받을 수 있습니다.",
    ),
    "failed.again": ("Try again", "다시 시도"),
    "failed.why": ("Why", "원인"),
    "failed.todo": ("What to do", "해결 방법"),
    "chart.about": ("What “{title}” means", "‘{title}’의 뜻"),
    "chart.download": ("Download", "내려받기"),
    "chart.sql": ("SQL", "SQL"),
    "chart.sql.of": ("SQL of {title}", "{title}의 SQL"),
    "chart.sql.help": (
        "What made this chart, in Athena's dialect; otel-analytics query runs it.",
        "이 차트를 만든 Athena SQL입니다. otel-analytics query로 실행할 수 있습니다.",
    ),
    "chart.data": ("Data", "데이터"),
    "chart.data.of": ("Data of {title}", "{title}의 데이터"),
    "chart.rows": ("The first {shown} of {count} rows", "{count}행 중 처음 {shown}행"),
    "chart.columns": ("Columns", "열"),
    "empty.title": ("Nothing is published yet", "아직 게시된 테이블이 없습니다"),
    "empty.text": (
        "The dashboard shows the tables that the pipeline publishes. Put logs into the lake, then "
        "build the tables of a service:",
        "대시보드는 파이프라인이 게시한 테이블을 보여 줍니다. 로그를 적재한 다음 서비스의 테이블을 "
        "만드세요:",
    ),
    "empty.reload": (
        "This page looks again every few seconds.",
        "이 페이지는 몇 초마다 다시 확인합니다.",
    ),
    "events.search": ("Search event names", "이벤트 이름 검색"),
    "events.found": ("{found} of {count} event names", "이벤트 이름 {count}개 중 {found}개"),
    "events.none": (
        "No event name holds “{text}”.",
        "“{text}”가 들어 있는 이벤트 이름이 없습니다.",
    ),
    "events.help": (
        "Events by name, of the last seven days before the execution date.",
        "실행 날짜 이전 7일 동안의 이름별 이벤트입니다.",
    ),
    "events.name": ("Event", "이벤트"),
    "executions.title": ("Executions", "실행"),
    "executions.none": ("No executions yet", "아직 실행이 없습니다"),
    "executions.name": ("Execution", "실행"),
    "executions.machine": ("State machine", "상태 머신"),
    "executions.status": ("Status", "결과"),
    "executions.started": ("Started", "시작"),
    "executions.took": ("Took", "소요 시간"),
    "executions.services": ("Services", "서비스"),
    "executions.date": ("Execution date", "실행 날짜"),
    "executions.newer": ("Newer", "더 최근"),
    "executions.older": ("Older", "더 이전"),
    "status.SUCCEEDED": ("Succeeded", "성공"),
    "status.FAILED": ("Failed", "실패"),
    "status.RUNNING": ("Running", "실행 중"),
    "status.ABORTED": ("Aborted", "중단됨"),
    "status.TIMED_OUT": ("Timed out", "시간 초과"),
    "status.PENDING_REDRIVE": ("Waits for a redrive", "재실행 대기"),
    "status.COMPLETED": ("Completed", "완료"),
    "status.succeeded": ("succeeded", "성공"),
    "status.failed": ("failed", "실패"),
    "status.caught": ("failed, and was caught", "실패 후 처리됨"),
    "status.running": ("running", "실행 중"),
    "status.aborted": ("aborted", "중단됨"),
    "status.idle": ("not reached", "도달하지 않음"),
    "execution.input": ("Input", "입력"),
    "execution.output": ("Output", "출력"),
    "execution.graph": ("State machine", "상태 머신"),
    "execution.graph.of": (
        "The state machine; each state leads to its line in the table of states",
        "상태 머신. 각 상태는 상태 표의 해당 행으로 연결됩니다",
    ),
    "execution.all_states": ("Show all states ({count} more)", "모든 상태 보기 ({count}개 더)"),
    "execution.reached": ("Show the way taken", "지나간 경로만 보기"),
    "execution.of_all": ("All services", "모든 서비스"),
    "execution.states": ("States", "상태 기록"),
    "execution.state": ("State", "상태 이름"),
    "execution.of": ("Of", "대상"),
    "execution.began": ("Began after", "시작 시점"),
    "execution.attempts": ("Attempts", "시도"),
    "execution.runs": ("{count}×", "{count}×"),
    "execution.errors": ("What failed", "실패한 항목"),
    "execution.services": ("Services", "서비스"),
    "execution.rows": ("Rows", "행"),
    "execution.table": ("Table", "테이블"),
    "execution.checks": ("Checks", "검사"),
    "execution.no_findings": ("All checks passed.", "모든 검사를 통과했습니다."),
    "execution.no_results": (
        "The services' results come when the execution has dealt with all of them.",
        "모든 서비스의 처리가 끝나면 결과가 표시됩니다.",
    ),
    "execution.warning": ("warning", "경고"),
    "execution.error": ("error", "오류"),
    "execution.more_findings": ("and {count} more", "그 외 {count}개"),
    "execution.cost": ("Bytes and cost", "스캔량과 비용"),
    "execution.cost.help": (
        "Bytes are those that this engine read. Prices are settings; what AWS gives free of charge "
        "each month is not taken off.",
        "바이트는 이 엔진이 읽은 양입니다. 가격은 설정이며, AWS의 월 무료 사용량은 빼지 "
        "않았습니다.",
    ),
    "execution.queries": ("Queries", "쿼리"),
    "execution.scanned": ("Scanned", "스캔"),
    "execution.billed": ("Billed", "청구"),
    "execution.usd": ("Cost on AWS", "AWS 비용"),
    "execution.transitions": ("Transitions", "상태 전환"),
    "execution.calls": ("Lambda calls", "Lambda 호출"),
    "execution.total": ("Together", "합계"),
    "execution.refresh": ("Refresh of all services", "모든 서비스의 갱신"),
    "execution.newest": (
        "The last {shown} of {count} entries of states; choose a service to see its own.",
        "상태 기록 {count}개 중 마지막 {shown}개. 서비스를 선택하면 그 기록만 볼 수 있습니다.",
    ),
    "execution.all_runs": ("Show all", "모두 보기"),
    "executions.started.help": (
        "when the execution began, in the reporting time zone",
        "실행이 시작된 시각(보고 시간대)",
    ),
    "executions.took.help": (
        "from its beginning to its end, waiting and repetitions included; what runs counts up to "
        "now",
        "시작부터 끝까지 걸린 시간(대기와 재시도 포함). 실행 중이면 지금까지의 시간",
    ),
    "execution.is_finding": (
        "the state itself succeeded: what it found made the service fail",
        "상태 자체는 성공했고, 거기서 발견한 것 때문에 서비스가 실패했습니다",
    ),
    "execution.rows.help": ("rows of the published table", "게시된 테이블의 행 수"),
    "execution.checks.help": (
        "what the checks found in the tables: an error keeps a service's tables from being "
        "published, a warning does not",
        "테이블 검사에서 발견한 것. 오류가 있으면 그 서비스의 테이블을 게시하지 않고, 경고는 "
        "게시합니다",
    ),
    "execution.queries.help": (
        "queries that read data; what only changes the catalog is not counted",
        "데이터를 읽은 쿼리 수. 카탈로그만 바꾸는 문은 세지 않습니다",
    ),
    "execution.scanned.help": (
        "bytes that queries read; 1 MB is 1,000,000 bytes",
        "쿼리가 읽은 바이트. 1 MB는 1,000,000바이트입니다",
    ),
    "execution.billed.help": (
        "bytes as Athena would bill them: each query by whole megabytes, and 10 MB at least",
        "Athena 청구 기준 바이트: 쿼리마다 메가바이트 단위로 올림하며 최소 10 MB",
    ),
    "execution.usd.help": (
        "an estimate in US dollars, by the prices in the settings",
        "설정의 가격으로 계산한 예상 비용(미국 달러)",
    ),
    "execution.transitions.help": (
        "states that were entered, repetitions included, as Step Functions bills them",
        "Step Functions 청구 기준 상태 진입 횟수(재시도 포함)",
    ),
    "execution.calls.help": (
        "calls of the pipeline's Lambda functions",
        "파이프라인 Lambda 함수의 호출 수",
    ),
    "execution.of.help": (
        "the service, or the level of activity tables, that the state worked for",
        "상태가 처리한 서비스 또는 활동 테이블 단계",
    ),
    "execution.began.help": (
        "how long after the execution's beginning the state was entered",
        "실행 시작 후 상태에 들어가기까지 걸린 시간",
    ),
    "execution.attempts.help": (
        "calls of the state's task: more than one were repeated after a failure",
        "상태 작업의 호출 횟수. 둘 이상이면 실패 후 재시도한 것입니다",
    ),
    "execution.live": ("Follows the execution as it runs", "실행 상황을 실시간으로 보여 줍니다"),
    "query.statement": ("SQL in Athena's dialect", "Athena SQL"),
    "query.help": (
        "SELECT only. The first {rows} rows are shown, and a query is cancelled after {seconds} s.",
        "SELECT만 실행합니다. 처음 {rows}행을 보여 주며, {seconds}초가 지나면 취소합니다.",
    ),
    "query.run": ("Run", "실행"),
    "query.only_select": (
        "Only SELECT, WITH and VALUES are run here: {what} changes or lists something.",
        "여기서는 SELECT, WITH, VALUES만 실행합니다. {what} 문은 실행하지 않습니다.",
    ),
    "query.result": ("Rows: {count}; scanned: {scanned}", "{count}행, {scanned} 스캔"),
    "query.cut": (
        "The first {count} rows; scanned: {scanned}",
        "처음 {count}행, {scanned} 스캔",
    ),
    "refused.token": ("A token is needed", "토큰이 필요합니다"),
    "refused.token.text": (
        "This dashboard is open to who has its token: the one with which it was started.",
        "이 대시보드를 보려면 시작할 때 지정한 토큰이 필요합니다.",
    ),
    "refused.token.label": ("Token", "토큰"),
    "refused.token.enter": ("Enter", "들어가기"),
    "refused.host": ("This address is not answered", "이 주소로는 응답하지 않습니다"),
    "refused.host.text": (
        "Open the dashboard as http://127.0.0.1 or http://localhost with its port. Other names are "
        "answered only with a token (otel-analytics dashboard --token).",
        "http://127.0.0.1 또는 http://localhost와 포트로 여세요. 다른 이름은 토큰이 있어야 "
        "합니다(otel-analytics dashboard --token).",
    ),
    "refused.site": ("Not from another site", "다른 사이트의 요청은 받지 않습니다"),
    "refused.site.text": (
        "Another site asked for this. Open the dashboard itself.",
        "다른 사이트에서 온 요청입니다. 대시보드를 직접 여세요.",
    ),
    "missing.title": ("There is no such page", "페이지가 없습니다"),
    "missing.text": ("Go back to the overview.", "개요로 돌아가세요."),
    "broken.title": ("Something is broken here", "문제가 발생했습니다"),
    "broken.text": (
        "That is a fault of the dashboard; the terminal where it runs says more.",
        "대시보드의 오류입니다. 실행 중인 터미널에서 자세한 내용을 확인하세요.",
    ),
}
