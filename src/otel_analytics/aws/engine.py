"""The engine `aws`: S3, Glue, Athena and Step Functions of one account, put together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_analytics.aws.athena import Athena
from otel_analytics.aws.catalog import GlueCatalog
from otel_analytics.aws.clients import connect
from otel_analytics.aws.publications import S3Publications
from otel_analytics.aws.step_functions import StepFunctions
from otel_analytics.aws.store import S3Store
from otel_analytics.errors import AwsFailed, NoAccess
from otel_analytics.operations.cleaning import Cleaner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_analytics.aws.clients import Client
    from otel_analytics.config import Settings
    from otel_analytics.query.statements import Rows

__all__ = ["Aws", "open_aws"]


@dataclass(frozen=True, slots=True)
class Aws:
    """What the commands need of an account."""

    settings: Settings
    store: S3Store
    catalog: GlueCatalog
    athena: Athena
    executions: StepFunctions
    publications: S3Publications

    @property
    def state_machine_arn(self) -> str:
        """The pipeline's state machine.

        Raises: Refused if there is none of its name
        """
        return self.executions.arn

    @property
    def cleaner(self) -> Cleaner:
        """What finds and deletes what executions left."""
        return Cleaner(self.settings, self.catalog, self.store, self.executions, self.publications)

    def query(self, sql: str, *, timeout_s: float | None = None) -> Rows:
        """Return the rows of one statement.

        Raises: what `Athena.query` raises
        """
        return self.athena.query(sql, timeout_s=timeout_s)

    def rows(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        """Return the rows of a query, without their columns.

        Raises: what `query` raises
        """
        return self.query(sql).rows

    def run(
        self, payload: Any, *, name: str | None, on_event: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """Start an execution and watch it until it is over; return it.

        An interrupt leaves it to itself: AWS carries it out, not this process.

        Raises: InvalidName if the name is taken or not allowed; InvalidPayload; Refused if there is
            no such state machine; AwsFailed if it can no longer be watched, and goes on
        """
        arn = self.executions.start(payload, name=name)
        goes_on = (
            f"{arn} goes on without you: see it with otel-analytics --engine aws describe "
            f"{arn.rpartition(':')[2]}, or stop it with aws stepfunctions stop-execution "
            f"--execution-arn {arn}"
        )
        try:
            return self.executions.watch(arn, on_event)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(goes_on) from interrupt
        except (AwsFailed, NoAccess) as error:
            # what AWS refuses to begin with is Refused; here something was begun
            raise AwsFailed(f"{error}. Meanwhile {goes_on}") from error


@contextmanager
def open_aws(settings: Settings, *, client: Callable[[str], Client] | None = None) -> Iterator[Aws]:
    """Yield the account of the settings; nothing is asked of it before something is needed.

    Raises: NoAccess if no region is known, or no such profile
    """
    client = client or connect(settings.aws)
    s3, athena = client("s3"), settings.athena
    store = S3Store(s3)
    yield Aws(
        settings,
        store,
        GlueCatalog(client("glue"), athena.database),
        Athena(client("athena"), athena),
        StepFunctions(client("stepfunctions"), settings.aws.state_machine),
        S3Publications(s3, store, athena.database, athena.s3_base),
    )
