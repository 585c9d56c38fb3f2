"""The options that several verbs share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_analyzer.store.place import Place, place_of

SweepFile = Annotated[
    Place,
    typer.Argument(
        metavar="SWEEP",
        parser=place_of,
        help="A sweep file (YAML), or the name of a shipped one.",
    ),
]
StoreFolder = Annotated[
    Place,
    typer.Argument(
        metavar="STORE", parser=place_of, help="A store: a folder, or s3://BUCKET/PREFIX."
    ),
]
StoreFolders = Annotated[
    list[Place],
    typer.Argument(
        metavar="STORE...", parser=place_of, help="One store, or several to set side by side."
    ),
]
StoreOption = Annotated[
    Place | None,
    typer.Option(
        "--store",
        metavar="STORE",
        parser=place_of,
        help="A folder or s3://BUCKET/PREFIX, instead of the store in the sweep.",
    ),
]
StoreMade = Annotated[
    Place,
    typer.Option(
        "--store",
        metavar="STORE",
        parser=place_of,
        help="A folder or s3://BUCKET/PREFIX; made a store if it is none yet.",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with the task files, instead of fetching them."),
]
WithSuspects = Annotated[
    bool, typer.Option("--with-suspects", help="Let suspect checkpoints take part, too.")
]
Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint", envvar="HF_ENDPOINT", help="Address of the Hub or of a mirror."),
]
