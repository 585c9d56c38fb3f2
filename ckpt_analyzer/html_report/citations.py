"""What to cite, as BibTeX.

In: the title of a page. Out: text. Entries name what the page rests on.
"""

from __future__ import annotations

from ckpt_analyzer import __version__

_PAPERS = r"""@article{mckenzie2023inverse,
  title   = {Inverse Scaling: When Bigger Isn't Better},
  author  = {McKenzie, Ian R. and Lyzhov, Alexander and Pieler, Michael and Parrish, Alicia and
             Mueller, Aaron and Prabhu, Ameya and McLean, Euan and Kirtland, Aaron and
             Ross, Alexis and Liu, Alisa and others},
  journal = {Transactions on Machine Learning Research},
  year    = {2023},
  note    = {arXiv:2306.09479}
}

@inproceedings{michaelov2023emergent,
  title     = {Emergent Inabilities? Inverse Scaling Over the Course of Pretraining},
  author    = {Michaelov, James A. and Bergen, Benjamin K.},
  booktitle = {Findings of the Association for Computational Linguistics: EMNLP 2023},
  year      = {2023}
}"""


def bibtex(title: str) -> str:
    """Return the entries: the tool that made the page called `title`, and its two sources."""
    safe = "".join(f"\\{c}" if c in "#$%&_{}" else c for c in title if c not in "\\~^")
    software = f"""@software{{ckpt_analyzer,
  title   = {{ckpt\\_analyzer: where trends flip through training}},
  version = {{{__version__}}},
  note    = {{Report: {safe}}}
}}"""
    return f"{software}\n\n{_PAPERS}"
