"""How a checkpoint is found on a Hub: one file for each way in which publishers lay them out.

In: the name of a checkpoint, as its suite writes it. Out: repository, revision and subfolder; and,
from what the Hub lists, the commit of every name that exists. ``revision_name`` (a branch or tag),
``commit_title`` (a commit, known by its title), ``subfolder`` and ``separate_repos`` are the ways;
``pattern`` turns steps into names and back. Knows nothing of suites.
"""
