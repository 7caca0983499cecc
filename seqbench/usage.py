"""What --help prints: a page that a newcomer understands."""

HELP = """\
seqbench - how far back an architecture remembers, how its gradients flow, and what it costs

usage: python -m seqbench [COMMAND] [key=value ...] [--config-dir DIR]

commands
  (none)                       train what is asked for; the same command again resumes it
  plan                         what would run and why, what is done already
  watch [--store DIR] [--once] where the sweeps of a store stand, live until they end; or one look
  ls [tasks|models|sweeps|instruments]
                               what there is to choose from
  cost                         time, memory and their scaling, measured alone, without training
  check --against REF | --baseline FILE | --learning STORE STORE
                               whether speed, learning or a count got worse, with a known rate of
                               false alarms
  verify                       the contract checks on a task and a model, ours or yours
  report [--store DIR]... [--out DIR] [--format html,md,csv,latex,pdf,json] [--strict]
                               index.html, report.md, CSV files, figures from the records of a
                               store; latex,pdf: tables and figures for a paper;
                               strict: exit code 1 where anything in it is no readable record
  compare A B... [--format table|md|csv|json]
                               the runs of the other stores against those of the first, cell by
                               cell: better, worse, faster, undecided
  choose --store DIR [--out FILE]
                               learning rates from the records of a tuning sweep
  --help, --version            this page, also where no word is given; the version

common keys                    (Hydra's grammar: values with commas are swept)
  task=NAME  model=NAME        what to train; task.KEY=VALUE and model.KEY=VALUE change their values
  train.KEY=VALUE              how to train: batch_size, steps, clip, ...
  seeds=5  or  'seeds=[0,3]'   how many members, or which; the quotes are for the shell
  'lengths=[10,20,40]'         several lengths of the task, in its own unit
  bisect=1.1                   more of them where half of the seeds solve, until two are that close
  device=auto|cpu|cuda         where
  store=DIR  out=DIR           folder of records; folder of the report
  rerun=missing|failed|changed|all
                               what to train again
  reuse=here|any               whose runs count as done: of this environment, of all
  lanes=N                      worker processes, one compute thread each
  hydra/launcher=NAME          other machines: joblib, ray, submitit_slurm, submitit_local
  +sweep=NAME  scale=NAME      a named study, and its other sizes
  'plugins=[mine]'             your own modules; their YAML files lie in --config-dir DIR

examples
  python -m seqbench task=copy_memory model=gru,lstm seeds=5
  python -m seqbench +sweep=smoke
  python -m seqbench +sweep=dependency task=copy_memory
  python -m seqbench plan +sweep=long_seq model=gru
  python -m seqbench cost task=adding_problem model=gru,lstm 'lengths=[64,128,256]'

keys of cost                   (beside task, model, train, device, store, out, plugins)
  'lengths=[32,64,128]'        of the task, in its own unit; without it that of the configuration
  rounds=8                     all once a round, each in a fresh process; 8 give 99 % intervals
  'backends=[auto]'            auto: as in training; library: torch; plain: ours; compile
  seconds=1.0                  of timed calls in one process

options of check
  --against REF                the working tree against a commit, sample by sample, in one session
  --base-python FILE           the other side's interpreter: two environments
  --baseline FILE|DIR [--save] counts against a stored baseline; or write it
  --counts                     counts alone, with --against
  --learning                   what is learned: of two stores, or trained now (with --against)
  --bitwise                    the same losses bit for bit, for a change that should change nothing
  --pairs N                    of the first stage (10), twice as many of the second; fewer find less
  --suite DIR                  any suite of pytest-benchmark (bench)
  --accepted FILE              accepted regressions: reason, author, expiry (bench/accepted.yaml)
  --history FILE               past sessions, this one added unless the exit code is 3 or 5: where
                               a level changed; advisory. With --baseline times against past days
                               of this machine: advice, from ten days on a gate
  --format text|md|json  --out FILE
                               one screen, a comment for a pull request, everything

exit codes
  0    fine, also where a run diverged
  1    some runs failed, ran out of memory or time, were killed or are missing;
       verify found a broken rule, report --strict something that is no record;
       the disk refused what was to be written
  2    wrong usage; nothing was written
  3    check found a regression
  4    check could not tell: too noisy, too few, or the change itself leaves nothing to compare;
       two stores of compare share nothing
  5    check did not compare all: of a side no counts, times or learning could be had with its
       own code. Mend that: as long as it is so, every change would pass there
  130  interrupted; the same command resumes
  141  whoever read the output went away
"""
