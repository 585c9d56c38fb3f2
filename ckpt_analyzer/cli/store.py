"""``ckpt-analyzer store verify | compact | gc STORE``: the upkeep of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_analyzer.cli.options import StoreFolder
from ckpt_analyzer.cli.output import Json, counted, quoted, readable_bytes, show, show_json, talk
from ckpt_analyzer.cli.verb import verb
from ckpt_analyzer.store.place import Place

SOMETHING_IS_WRONG = 1
SHOWN = 10

app = typer.Typer(help="Check a store, make it smaller, clear what was left behind.")


@app.callback()
def upkeep() -> None:
    """Check a store, make it smaller, clear what was left behind."""


@app.command("verify")
@verb
def verify(
    store: StoreFolder,
    quarantine: Annotated[
        bool,
        typer.Option("--quarantine", help="Move what is wrong to STORE/quarantine."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read everything and compare it with what was written. Exit code 1 if something is wrong.

    Compared are the sha256 of every table with its manifest, columns and rows, and what lies
    beside. What was moved to the quarantine does not count, and the next run scores it anew.
    """
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    found = opened.check()
    talk(
        f"{counted(found.n_units, 'unit')}, {counted(found.n_rows, 'item row')} in "
        f"{counted(found.n_tables, 'table')} "
        f"({readable_bytes(found.n_bytes)}): {counted(len(found.wrong), 'file')} not as written"
    )
    wrong = [{"file": str(each.path), "reason": each.reason} for each in found.wrong]
    if as_json:
        show_json({"units": found.n_units, "tables": found.n_tables, "rows": found.n_rows,
                   "bytes": found.n_bytes, "wrong": wrong,
                   "leftovers": list(map(str, found.leftovers)),
                   "foreign": list(map(str, found.foreign))})  # fmt: skip
    elif wrong:
        show(wrong, as_json=False)
    _tell(found.foreign, "of others, never read")
    _tell(found.leftovers, "of a run at work or of one that died; next: ckpt-analyzer store gc")
    if not wrong:
        return
    if quarantine:
        moved = opened.quarantine(found.wrong)
        talk(
            f"{counted(len(moved), 'file')} moved to {store / 'quarantine'}; "
            "next: run the sweep again"
        )
    else:
        talk(f"next: ckpt-analyzer store verify {quoted(store)} --quarantine, then run the sweep")
    raise typer.Exit(SOMETHING_IS_WRONG)


@app.command("compact")
@verb
def compact(store: StoreFolder, as_json: Json = False) -> None:
    """Put the rows of many small tables into few large ones.

    Runs and readers may go on meanwhile, and a crash costs nothing. It pays where a store has
    thousands of small units, or lies on a disk that opens files slowly.
    """
    from ckpt_analyzer.store.store import open_store

    done = open_store(store).compact()
    if as_json:
        show_json(vars(done))
    talk(
        f"{counted(done.n_units, 'unit')} moved into {counted(done.n_made, 'table')}, "
        f"{done.n_removed:,} removed; "
        f"{readable_bytes(done.bytes_before)} before, {readable_bytes(done.bytes_after)} now"
    )


@app.command("gc")
@verb
def gc(
    store: StoreFolder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    superseded: Annotated[
        bool,
        typer.Option(
            "--superseded",
            help="Units of which no score counts, too; their sweeps would score them anew.",
        ),
    ] = False,
    older_than_hours: Annotated[
        float, typer.Option(min=0, help="Spare what is younger; 0 only when nothing is at work.")
    ] = 24.0,
    as_json: Json = False,
) -> None:
    """Remove what dead writers left behind: temporary files, and tables without a manifest."""
    from ckpt_analyzer.store.garbage import remove
    from ckpt_analyzer.store.store import open_store

    opened = open_store(store)
    found = opened.garbage(older_than_hours * 3600, with_superseded=superseded)
    if not dry_run:
        remove(found)
    rows = [{"file": str(each.path), "what": each.what, "bytes": each.bytes} for each in found]
    if rows or as_json:
        show(rows, as_json=as_json)
    total = readable_bytes(sum(each.bytes for each in found))
    talk(f"{counted(len(found), 'file')}, {total}: {'would go' if dry_run else 'removed'}")


def _tell(paths: tuple[Place, ...], what: str) -> None:
    if paths:
        more = f" and {len(paths) - SHOWN:,} more" if len(paths) > SHOWN else ""
        talk(f"{', '.join(map(str, paths[:SHOWN]))}{more}", mark=f"{what}:")
