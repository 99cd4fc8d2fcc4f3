"""Faults in one line of history, written by ten people: rebase, review, squash, status, plan."""

from support.mutants.faults import Fault, Replaced, library

PLAN = library("history/plan")
MANIFEST = library("history/manifest")
REBASE = library("history/rebase")
SOURCE = library("history/source")
STATUS = library("history/status")
LINT = library("tools/lint")
MARKDOWN = library("tools/markdown")
SQUASH = library("tools/squash")
SQUAWK = library("tools/squawk")

TEAM = [
    Fault(
        "the trunk's revision moves",
        Replaced(
            REBASE,
            "return head == chosen, is_new, _created(revision)",
            "return head == chosen, not is_new, _created(revision)",
        ),
        "unit/rebase::test_what_the_trunk_lacks_moves",
    ),
    Fault(
        "what moves stays applied",
        Replaced(REBASE, "if code := make_way(", "if code := 0 and make_way("),
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
        "an irreversible revision goes unsaid",
        Replaced(LINT, "if revision.revision in new and cannot_be_undone(module):", "if not path:"),
        "unit/lint::test_a_new_revision_can_be_undone_or_says_why",
    ),
    Fault(
        "squawk reads the whole history",
        Replaced(
            SQUAWK, 'start = below if isinstance(below, str) else "base"', 'start = below = "base"'
        ),
        "unit/lint::test_squawk_reads_what_is_new",
    ),
]

SQUASHING = [
    Fault(
        "a squash forgets what it replaces",
        Replaced(SQUASH, ", replaces=replaces)", ")"),
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

STANDING = [
    Fault(
        "two heads are passed over",
        Replaced(STATUS, "    if len(heads) > 1:\n", "    if not heads:\n"),
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
            "return Plan(revisions, list(_losses(revisions)), statements)",
            "return Plan(revisions, [], statements)",
        ),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a statement that loses data has no risk",
        Replaced(PLAN, "    if LOSES.search(sql):\n", "    if not sql:\n"),
        "unit/plan::test_sqlite_runs_it_on_a_copy",
    ),
    Fault(
        "a statement that rewrites a table has no risk",
        Replaced(PLAN, "if BATCH_TABLE in sql or REWRITES.search(sql):", "if BATCH_TABLE in sql:"),
        "unit/plan::test_postgresql_writes_it_down",
    ),
    Fault(
        "a table that is made anew looks like a loss",
        Replaced(PLAN, "for sql in _swaps_as_one(ran)]", "for sql in ran]"),
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

FAULTS = [*TEAM, *SQUASHING, *STANDING, *PLANS]
