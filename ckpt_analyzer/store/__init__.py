"""The store: item scores in one place, which many writers fill at once and no crash harms.

``store.open_store`` is the door. From the bottom up: ``place`` (a folder; or a bucket, with
``object_place`` and ``object_access``), ``unit`` (the records), ``tally`` (cells counted from a
table), ``atomic`` (a file appears whole or not at all), ``manifest`` (a record as JSON), ``write``
and ``listing`` (units in their place), ``near`` (copies of a bucket's tables), ``selection`` (which
cells count), ``queries`` (SQL), ``versions`` (what older versions wrote, read as of today),
``clock`` (the order of writing), ``audits``, ``imports``, ``texts``, ``fits`` and ``runs`` (what
lies beside the units), ``mark`` (what makes a place a store), ``means`` (means kept), ``checking``,
``compacting`` and ``garbage`` (upkeep).

::

    STORE/
      store.json                          the mark
      sweeps/<sha256[:12]>.yaml           every sweep file that ran
      units/<unit_id>.<sha256[:12]>.parquet   ITEM_SCORES of one checkpoint × its tasks
      units/<unit_id>.json                its manifest, written last
      units/pack-<digest>.<sha256[:12]>.parquet   rows of several units, after ``store compact``
      items/<task>-<sha256[:12]>.parquet  item texts
      audits/<model>-<digest>.parquet     AUDIT: what the metadata of its checkpoints show
      imports/<id>.parquet, <id>.json     imported means
      fits/flips.parquet, regression.parquet, movement.parquet, surface.parquet
      means/<metric>-<digest>.parquet     of a large store: means that need not be computed again
      means/units/<unit_id>.<digest>.parquet  of a large unit: its means, until they lie there
      quarantine/                         what ``store verify --quarantine`` moved out of the way
"""
