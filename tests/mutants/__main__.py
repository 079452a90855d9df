"""``make mutants``: which slips in the kernel would be noticed, and which would not."""

import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import click

from controlplane.db.sources import SqlFile
from tests.mutants.hatchery import Hatchery, functions, opened
from tests.mutants.mutations import Mutation, mutations

#: Where decisions and what they write begin; whatever these call is mutated too.
ROOTS = (
    "api.consume",
    "api.consume_many",
    "api.check",
    "api.check_many",
    "api.grant_credits",
    "api.update_grant",
    "api.void_grant",
    "api.transfer_credits",
    "api.reverse_consumption",
    "api.book_due",
)
#: Checks of input, of which the suite asks little: tests/sql has a test for each.
LEFT_OUT = re.compile(r"\.(refuse\w*|\w*faults?|is_well_formed)$")


def deciding() -> list[str]:
    """The functions that decide and write: the roots and all that they call."""
    files, found, ahead = functions(), [], list(ROOTS)
    while ahead:
        name = ahead.pop(0)
        if name in found or name not in files or LEFT_OUT.search(name):
            continue
        found.append(name)
        ahead += re.findall(r"\b((?:core|api)\.\w+)\s*\(", files[name].text)
    return sorted(found)


def sampled(made: list[Mutation], limit: int | None) -> list[Mutation]:
    """At most so many, evenly spread over the function; the same every time."""
    if limit is None or len(made) <= limit:
        return made
    return [made[place * len(made) // limit] for place in range(limit)]


class Tally:
    """One function: its mutants, and who survived."""

    def __init__(self, name: str, file: SqlFile) -> None:
        self.name, self.file = name, file
        self.killed = self.stillborn = 0
        self.survivors: list[Mutation] = []

    def run(self, hatchery: Hatchery, chosen: Iterable[Mutation], histories: int, jobs: int) -> None:
        def judge(mutation: Mutation) -> tuple[Mutation, str | None]:
            mutant = replace(self.file, text=mutation.applied_to(self.file.text))
            if not hatchery.born(mutant):
                return mutation, "stillborn"
            return mutation, "killed" if hatchery.killer(mutant, histories) else None

        with ThreadPoolExecutor(jobs) as pool:
            for mutation, fate in pool.map(judge, chosen):
                self.killed += fate == "killed"
                self.stillborn += fate == "stillborn"
                if fate is None:
                    self.survivors.append(mutation)
                show(f"{self.name}: {self}")

    @property
    def living(self) -> int:
        return self.killed + len(self.survivors)

    def __str__(self) -> str:
        score = f"{self.killed / self.living:.0%}" if self.living else "—"
        return f"{self.killed} of {self.living} killed ({score}), {self.stillborn} are no PL/pgSQL"

    def survivor(self, mutation: Mutation) -> str:
        """Where it is, and what it changes, on one line."""
        text = self.file.text
        line = text.count("\n", 0, mutation.start) + 1
        before = " ".join(text[mutation.start : mutation.end].split())
        about = " ".join(text[text.rfind("\n", 0, mutation.start) + 1 : mutation.start].split())[-50:]
        after = mutation.after.strip()
        return f"  sql/{self.file.path}:{line}  {mutation.what}: …{about} [{before}] → [{after}]"


def show(text: str) -> None:
    """Progress, on one line that is written over; only on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


@click.command()
@click.option(
    "--functions",
    "chosen",
    metavar="NAME",
    multiple=True,
    help="Only this one, such as core.judge, or judge; may be repeated.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="So many mutants a function, evenly spread; default: all."
)
@click.option(
    "--histories", type=click.IntRange(0), default=20, show_default=True, help="Random ones a mutant."
)
@click.option("--jobs", type=click.IntRange(1, 32), default=1, show_default=True, help="Mutants at once.")
@click.option("--list", "listed", is_flag=True, help="Only say what there is to mutate.")
@click.option(
    "--fail-under", type=click.IntRange(0, 100), default=0, help="Fail below this score, in percent."
)
def command(
    chosen: tuple[str, ...], limit: int | None, histories: int, jobs: int, listed: bool, fail_under: int
) -> None:
    """Mutate the functions that decide and write, and see who notices.

    Each mutant has one thing changed: a comparison flipped, a predicate or a lock dropped, a number one
    higher, a write skipped. It is put into a fresh database and asked the 120 vectors, rules of locks and
    time, and histories judged by the model. Who answers all as expected survives: there a test is missing,
    or the change makes no difference. A mutant that dies takes a second, one that survives about ten.

    \b
    Examples:
      make mutants ARGS="--limit 20"
      make mutants ARGS="--functions core.judge --limit 100 --jobs 2"
      make mutants ARGS="--functions book_due --functions write_due --histories 200"
    """
    files = functions()
    names = [own for name in chosen for own in files if name in (own, own.split(".")[1])] or deciding()
    if unknown := [name for name in chosen if not any(name in (own, own.split(".")[1]) for own in files)]:
        raise click.BadParameter(f"there is no function {unknown[0]}", param_hint="--functions")
    made = {name: mutations(files[name].text) for name in names}
    if listed:
        for name in names:
            click.echo(f"{len(made[name]):5} {name}")
        return
    tallies = [Tally(name, files[name]) for name in names]
    with opened() as hatchery:
        if wrong := hatchery.killer(None, histories):
            raise click.ClickException(f"the suite fails without any mutant: {wrong}")
        for tally in tallies:
            tally.run(hatchery, sampled(made[tally.name], limit), histories, jobs)
            show("")
            click.echo(f"{tally.name}: {tally}")
            for mutation in tally.survivors:
                click.echo(tally.survivor(mutation))
    killed, living = sum(t.killed for t in tallies), sum(t.living for t in tallies)
    score = 100 * killed / living if living else 100.0
    click.echo(f"in all {killed} of {living} killed: {score:.0f} %")
    sys.exit(score < fail_under)


if __name__ == "__main__":
    command()
