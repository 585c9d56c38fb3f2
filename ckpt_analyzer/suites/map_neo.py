"""The scaling-law models of MAP-Neo, 250M to 980M: checkpoints are folders of one repository.

Folders are named after tokens: a step stands for one million of them. The checkpoints of the 7B
model are left out: they are files of Megatron, which transformers does not load.

References
----------
Zhang et al. 2024, arXiv:2405.19327.
"""

from __future__ import annotations

from ckpt_analyzer.checkpoints.locating.subfolder import Subfolder
from ckpt_analyzer.suite import Fact, Model, Suite

_MILLION = 1_000_000
_FIRST_SEEN = 16_780

SUITE = Suite(
    name="map-neo",
    title="MAP-Neo (scaling-law models)",
    models=tuple(
        Model(
            name=f"neo-scalinglaw-{size.lower()}",
            size=size,
            repo=f"m-a-p/neo_scalinglaw_{size}",
            parameters=0,
            non_embedding_parameters=None,
            steps=(_FIRST_SEEN,),
            tokens_per_step=_MILLION,
            revision="hf_ckpt/{tokens_decimal}B",
            locating=Subfolder(inside="hf_ckpt"),
            is_open=True,
            tokenizer_repo="m-a-p/neo_7b",
        )
        for size in ("250M", "460M", "980M")
    ),
    citation="Zhang et al. 2024, MAP-Neo: Highly Capable and Transparent Bilingual Large Language "
    "Model Series, arXiv:2405.19327",
    licence="Apache-2.0",
    link="https://github.com/multimodal-art-projection/MAP-NEO",
    evidence=(
        "Repositories, folders and tokenizer: README of MAP-NEO, code of others and a table of the "
        "Hub, of which one folder (16.78B) is known; the others are what the Hub lists. Parameters "
        "are read from the files. Unverified: that every size has the folder 16.78B, 2 bytes per "
        "stored parameter, the licence."
    ),
    facts=(
        Fact("repositories", "seen", "README of MAP-NEO, a table of the Hub"),
        Fact("revisions", "seen", "code of others"),
        Fact("steps", "unverified", "one folder; the others as the Hub lists them"),
        Fact("tokens", "seen", "the names of the folders, to ten million"),
        Fact("parameters", "unverified", "not known to the suite: the files tell"),
        Fact("tokenizer", "seen", "README of MAP-NEO"),
        Fact("stored bytes", "unverified", "2 bytes"),
        Fact("licence", "unverified", "from memory"),
    ),
)
