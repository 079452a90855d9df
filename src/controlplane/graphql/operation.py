"""One extension around every operation: prepared documents, limits, masked errors, figures."""

import time
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from controlplane.graphql.documents import prepare
from controlplane.graphql.failures import failure, shown


class OperationExtension(SchemaExtension):
    """Made anew for every operation. It has no ``resolve`` hook, which would cost every field."""

    def on_operation(self) -> Iterator[None]:
        """Prepare before, mask and count after."""
        execution = self.execution_context
        begun = time.perf_counter()
        self._streamed = False
        self._failed = False
        if execution.context is not None:
            execution.context = execution.context.for_operation()
        if execution.query and execution.graphql_document is None:
            schema = execution.schema._schema  # noqa: SLF001  # Strawberry shows graphql-core's own nowhere
            prepared = prepare(schema, execution.query)
            execution.graphql_document = prepared.document
            execution.validation_rules = ()
            if prepared.errors:
                execution.pre_execution_errors = list(prepared.errors)
            elif prepared.operations > 1 and not self._is_named():
                # Running the first one, as is usual, would run what nobody asked for.
                execution.pre_execution_errors = [
                    failure(
                        "OPERATION_NAME_NEEDED",
                        f"the document has {prepared.operations} operations: name one with operationName",
                    )
                ]
        yield
        if not self._streamed:
            self._mask(execution.result)
        self._observe(begun)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """Mask every event of a subscription before it goes out."""
        self._streamed = True
        self._mask(result)
        yield

    def _is_named(self) -> bool:
        # `operation_name` would answer with the first one of the document.
        return self.execution_context._provided_operation_name is not None  # noqa: SLF001

    def _mask(self, result: Any) -> None:
        errors: list[GraphQLError] | None = getattr(result, "errors", None)
        if errors:
            self._failed = True
            result.errors = [shown(error) for error in errors]

    def _observe(self, begun: float) -> None:
        context = self.execution_context.context
        if context is None:
            return
        try:
            kind = self.execution_context.operation_type.value.lower()
        except RuntimeError:
            kind = "unknown"
        outcome = "error" if self._failed else "ok"
        context.services.observe_operation(kind, outcome, time.perf_counter() - begun)
