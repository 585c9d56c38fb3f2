"""Where things lie in a store.

In: the folder of a store. Out: its folders. ``docs/architecture.md`` says what is in each.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_analyzer.store.place import Place


@dataclass(frozen=True)
class Layout:
    """The folders of the store at `path`."""

    path: Place

    @property
    def units(self) -> Place:
        """Tables and manifests of the units: what was scored."""
        return self.path / "units"

    @property
    def audits(self) -> Place:
        """What audits found, by model."""
        return self.path / "audits"

    @property
    def imports(self) -> Place:
        """Means that others published."""
        return self.path / "imports"

    @property
    def sweeps(self) -> Place:
        """Copies of the sweep files that ran."""
        return self.path / "sweeps"

    @property
    def items(self) -> Place:
        """Texts of items, by task."""
        return self.path / "items"

    @property
    def means(self) -> Place:
        """Means of large units; they can be computed again."""
        return self.path / "means"

    @property
    def fits(self) -> Place:
        """Flips and regressions; they can be fitted again."""
        return self.path / "fits"
