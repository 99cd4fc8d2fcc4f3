"""Faults in one line of history, written by ten people: rebase, review, squash, status, plan."""

from support.mutants.faults import Fault, Replaced, library

PLAN = library("history/plan")
MANIFEST = library("history/manifest")
GIT = library("history/git")
HEADS = library("history/heads")
UNDO = library("history/undo")
RETRY = library("upgrade/retry")
REBASE = library("history/rebase")
SIDES = library("history/sides")
SOURCE = library("history/source")
STATUS = library("history/status")
LINT = library("tools/lint")
LOCK_FILE = library("tools/lock_file")
MARKDOWN = library("tools/markdown")
MARKERS = library("tools/conflict_markers")
SQUASH = library("tools/squash")
SQUAWK = library("tools/squawk")

TEAM = [
    Fault(
        "the trunk's revision moves",
        Replaced(
            REBASE,
            "which_stays(git, _sides(script, head, other)) == head",
            "which_stays(git, _sides(script, head, other)) == other",
        ),
        "unit/rebase::test_what_the_trunk_lacks_moves",
    ),
    Fault(
        "a trunk that only this clone has is none",
        Replaced(SIDES, "Evidence([*git.local_trunks, *git.fetched], is", "Evidence([], is"),
        "unit/sides::test_a_clone_whose_main_is_ahead",
    ),
    Fault(
        "this clone's trunk is asked before the remotes'",
        Replaced(SIDES, "Evidence(git.remote_trunks, is", "Evidence(git.local_trunks, is"),
        "unit/sides::test_what_a_remote_has_comes_before_what_only_my_main_has",
    ),
    Fault(
        "what a trunk had before a merge is forgotten",
        Replaced(SIDES, "git.earlier(branch) if is_branch else ()", "()"),
        "unit/sides::test_a_branch_merged_into_the_trunk",
    ),
    Fault(
        "two trunks that disagree are believed",
        Replaced(SIDES, "if len(heads) == 1 else None", "if heads else None"),
        "unit/sides::test_a_fork_with_databases_of_its_own",
    ),
    Fault(
        "of a fork's trunks only its own counts",
        Replaced(GIT, '["origin", *self._lines("remote")]', '["origin"]'),
        "unit/sides::test_a_fork",
    ),
    Fault(
        "what was pulled from an address is nobody's",
        Replaced(SIDES, "[*git.local_trunks, *git.fetched]", "git.local_trunks"),
        "unit/sides::test_an_address_is_pulled_from",
    ),
    Fault(
        "a renamed file is a new revision",
        Replaced(GIT, "source = rest[:length]", "source = rest[:0]"),
        "unit/sides::test_a_file_that_was_renamed_is_the_revision_it_was",
    ),
    Fault(
        "yes undoes what the trunk has",
        Replaced(REBASE, "if each.revision in trunk]", "if not trunk]"),
        "unit/rebase::test_yes_never_undoes_what_the_trunk_has",
    ),
    Fault(
        "the trunk's line is undone along with mine",
        Replaced(REBASE, 'to = f"{applied.revision}@{to}"', "pass"),
        "unit/rebase::test_of_the_other_lines_nothing_is_undone",
    ),
    Fault(
        "a line that is applied is forgotten",
        Replaced(REBASE, "[each for each in database if each != bottom]", "applied.revision"),
        "unit/rebase::test_a_third_line_that_is_applied_stays_so",
    ),
    Fault(
        "what moves stays applied",
        Replaced(REBASE, "        make_way(config", "        bool(config) or make_way(config"),
        "unit/rebase::test_the_database_makes_way",
    ),
    Fault(
        "only the head of a branch moves",
        Replaced(REBASE, "first = source_of(moving[0])", "first = source_of(moving[-1])"),
        "unit/rebase::test_what_the_trunk_lacks_moves",
    ),
    Fault(
        "a compiled revision is believed",
        Replaced(REBASE, "unlink(missing_ok=True)", "exists()"),
        "unit/rebase::test_a_revision_pointed_elsewhere_is_read_anew",
    ),
    Fault(
        "a moved revision keeps its digest",
        Replaced(
            REBASE,
            "write_manifest(config, anew={revision.revision for revision in moving})",
            "write_manifest(config)",
        ),
        "project/team::test_a_branch_moves_as_a_whole",
    ),
    Fault(
        "a closed revision's digest is written anew",
        Replaced(
            MANIFEST,
            "None if is_anew else known.get(revision.revision)",
            "None",
        ),
        "unit/manifest::test_a_digest_stays_unless_it_is_taken_anew",
    ),
    Fault(
        "a squash keeps the digest of the head whose id it has",
        Replaced(MANIFEST, " or _took_anothers_place(revision, known)", ""),
        "unit/manifest::test_a_squash_is_not_taken_for_the_head_whose_id_it_has",
    ),
    Fault(
        "layout is part of the digest",
        Replaced(SOURCE, '"\\n".join(_words(module)).encode()', "path.read_bytes()"),
        "unit/source::test_a_digest_is_of_what_a_revision_does",
    ),
    Fault(
        "a conflict's markers are committed unsaid",
        Replaced(LINT, "        *conflicts_left(root),\n", ""),
        "unit/committed::test_a_conflict_that_was_committed_is_found",
    ),
    Fault(
        "the underline of a heading is a conflict",
        Replaced(MARKERS, '"^(<<<<<<<|', '"^(=======|<<<<<<<|'),
        "unit/committed::test_a_conflict_that_was_committed_is_found",
    ),
    Fault(
        "a lock file that is out of date is as good as new",
        Replaced(LOCK_FILE, "if done.returncode:", "if done.returncode < 0:"),
        "unit/committed::test_a_lock_file_is_what_pyproject_says",
    ),
    Fault(
        "a pipeline writes its own lock file",
        Replaced("template/Makefile.jinja", "ls-files uv.lock", "ls-files uv.look"),
        "project/pipelines::test_a_pipeline_does_not_write_its_own_lock_file",
    ),
    Fault(
        "an irreversible revision goes unsaid",
        Replaced(LINT, "if revision.revision in new and cannot_be_undone(module):", "if not path:"),
        "unit/lint::test_a_new_revision_can_be_undone_or_says_why",
    ),
    Fault(
        "squawk reads the whole history",
        Replaced(
            SQUAWK, "private.print_upgrade(config, start,", "private.print_upgrade(config, (),"
        ),
        "unit/lint::test_squawk_reads_what_is_new",
    ),
]

SQUASHING = [
    Fault(
        "a squash forgets what it replaces",
        Replaced(SQUASH, ", replaces=replaces, lab", ", lab"),
        "project/team::test_existing_databases_do_not_notice_a_squash",
    ),
    Fault(
        "a squash takes an id of its own",
        Replaced(SQUASH, "baseline, revision=head)", "baseline)"),
        "project/team::test_existing_databases_do_not_notice_a_squash",
    ),
    Fault(
        "a squash loses rows unsaid",
        Replaced(SQUASH, "        lost += _rows_lost(before, after, tables)\n", ""),
        "project/team::test_what_a_squash_would_lose_is_said_first",
    ),
    Fault(
        "a squash does not compare",
        Replaced(SQUASH, "if found.state is not State.CURRENT:", "if found.state is State.AHEAD:"),
        "project/team::test_what_a_squash_would_lose_is_said_first",
    ),
    Fault(
        "what only mentions a replacement replaces",
        Replaced(
            STATUS,
            "if revision in replaced_revisions(each):",
            "if f'\"{revision}\"' in open(each.path).read():",
        ),
        "unit/status::test_what_only_mentions_a_replacement_replaces_nothing",
    ),
]

BRANCHES = [
    Fault(
        "a label keeps nothing apart",
        Replaced(HEADS, "declared_labels(script.get_revision(revision))\n", "False\n"),
        "unit/branches::test_an_upgrade_applies_every_branch",
    ),
    Fault(
        "what is merged in keeps a branch apart",
        Replaced(HEADS, "and not common.isdisjoint(up_to(script, revision))", "and bool(common)"),
        "unit/branches::test_what_makes_a_branch",
    ),
    Fault(
        "only the first head is upgraded to",
        Replaced(
            HEADS,
            '        command.upgrade(config, "heads")',
            '        command.upgrade(config, "stock@head")',
        ),
        "unit/branches::test_an_upgrade_applies_every_branch",
    ),
    Fault(
        "a head that another branch needs is missed in the database",
        Replaced(
            HEADS,
            'in script.get_revisions("heads"))',
            "in map(script.get_revision, script.get_heads()))",
        ),
        "unit/branches::test_a_branch_is_gone_on_with",
    ),
    Fault(
        "a plan starts from one head",
        Replaced(
            PLAN,
            'private.print_upgrade(config, database, "heads")',
            'private.print_upgrade(config, database[:1], "heads")',
        ),
        "unit/branches::test_a_plan_goes_on_from_every_head",
    ),
    Fault(
        "a step down from several heads takes any",
        Replaced(
            UNDO,
            "len(heads := current_heads(config)) > 1",
            "len(heads := current_heads(config)) > 9",
        ),
        "unit/branches::test_one_step_down_from_several_heads_says_which",
    ),
    Fault(
        "a squash of several folders deletes them",
        Replaced(SQUASH, "if len(folders(script)) > 1:", "if len(folders(script)) > 9:"),
        "unit/branches::test_a_squash_of_several_folders_deletes_nothing",
    ),
    Fault(
        "a squash forgets the labels",
        Replaced(SQUASH, ", labels=labels,", ","),
        "unit/branches::test_a_squash_keeps_the_labels",
    ),
    Fault(
        "a squash forgets that it was adopted",
        Replaced(SQUASH, ", adopted=adopted)", ")"),
        "unit/branches::test_a_squash_of_what_was_adopted_says_so",
    ),
    Fault(
        "branches lie among each other in history.txt",
        Replaced(
            MANIFEST, "for head in sorted(below, key=beginning):", "for head in sorted(below):"
        ),
        "unit/branches::test_the_line_keeps_branches_together",
    ),
    Fault(
        "one head without a label is put on a labelled one",
        Replaced(REBASE, "if len(found) < 2 or not set(chosen) <= set(found):", "if not found:"),
        "unit/branches::test_branches_are_not_put_in_one_line",
    ),
    Fault(
        "steps of a branch are not counted",
        Replaced(RETRY, 'STEPS = re.compile(r"(?:.+@)?', 'STEPS = re.compile(r"'),
        "unit/branches::test_steps_of_a_branch_are_counted",
    ),
]

STANDING = [
    Fault(
        "two heads are passed over",
        Replaced(STATUS, "if found := forks(script):", "if found := [*forks(script)][9:]:"),
        "unit/status::test_two_heads_are_said_before_anything_is_asked",
    ),
    Fault(
        "what differs is no drift",
        Replaced(STATUS, "return Status(State.DRIFT,", "return Status(State.CURRENT,"),
        "unit/status::test_models_that_differ_are_drift",
    ),
]

PLANS = [
    Fault(
        "a plan says nothing of what it loses",
        Replaced(
            PLAN,
            "return Plan(revisions, losses, noted, views)",
            "return Plan(revisions, [], noted, views)",
        ),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a statement that loses data has no risk",
        Replaced(PLAN, "        case Dropped() | Emptied():", "        case Emptied():"),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a statement that rewrites a table has no risk",
        Replaced(PLAN, "if BATCH_TABLE in sql or REWRITES.search(sql):", "if BATCH_TABLE in sql:"),
        "unit/plan::test_postgresql_writes_it_down",
    ),
    Fault(
        "a table that is made anew looks like a loss",
        Replaced(PLAN, "swapped = list(_swaps_as_one(ran))", "swapped = ran"),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a plan is carried out",
        Replaced(PLAN, "with _given(config, copy):", "with _given(config, None):"),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a statement ends where its text has a blank line",
        Replaced(
            PLAN,
            "        self.pieces.append(text.strip())\n",
            '        self.pieces += [piece.strip() for piece in text.split("\\n\\n") if piece]\n',
        ),
        "unit/plan::test_postgresql_writes_it_down",
    ),
    Fault(
        "a comment reads the risks out of SQL",
        Replaced(
            MARKDOWN,
            "        if statement.risk is risk:\n",
            "        if risk.name[:3] in statement.sql:\n",
        ),
        "unit/plan::test_markdown_says_the_losses_first",
    ),
]

FAULTS = [*TEAM, *SQUASHING, *BRANCHES, *STANDING, *PLANS]
