"""The long runs behind the course's claims.

A module that ends with ``EXPERIMENT = Experiment(...)`` is one experiment: it says what
is compared, which settings each arm may choose from, and how one run goes. Everything
else is the same for all of them and lies in ``lab``:

- Each arm is tuned with the same budget: a list of settings as long as any other
  arm's, each tried on the same tuning seeds. The settings with the best mean score are
  then run on the evaluation seeds, which no tuning has seen. An arm with one setting is
  not tuned: a default, for example, beside what tuning makes of it.
- Runs are independent, so they go to processes of this machine or to a Dask cluster.
- A run that is done is kept in ``_build/experiments``: an interrupted experiment goes
  on where it was, and a changed module runs anew.
- The result is one small file, ``descentlab/results/NAME.json``, with seeds, settings,
  versions, date and machine. Chapters plot from it (``descentlab.results.load``).

``make experiments`` runs what has no current result, ``make experiments QUICK=1`` a
reduced form of all of them into ``_build/experiments/quick``.
"""
