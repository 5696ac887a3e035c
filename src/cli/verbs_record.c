/* The verbs for the record: audit, events, copies of the state, the clock. */
#include "cli/handlers.h"
#include "cli/verbs.h"

#define DURE_READ_EXITS (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_BUSY)

const struct dure_verb dure_verb_audit = {
    .name = "audit",
    .operands = "",
    .title = "check the record: verify, checkpoint, key, show, proof, erase",
    .text = "The journal is a transparency log: RFC 6962 tree, C2SP tlog-tiles and checkpoints, Ed25519.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

static const struct dure_option audit_verify_options[] = {
    {"key", 'k', DURE_OPTION_FILE, "FILE", "the daemon's own word (or the state folder's key)",
     "the verifier key that you trust, as `dure audit key` prints it"},
    {"offline", 0, DURE_OPTION_FLAG, NULL, NULL, "read the state folder itself; no daemon may be running on it"},
    {"checkpoint", 'c', DURE_OPTION_FILE, "FILE", NULL,
     "an older checkpoint that you kept: is it the beginning of this log?"},
    {NULL},
};

const struct dure_verb dure_verb_audit_verify = {
    .name = "audit verify",
    .operands = "",
    .title = "check that the record was not rewritten and that its decisions follow the rules",
    .text =
        "Fetches every entry, rebuilds the tree, compares its root with the signed checkpoint, checks the "
        "signature, steps every input on a core of its own, and "
        "compares each decision with the stored one, byte for byte, and the digest of the state after each "
        "transaction. Says in words what was checked "
        "and what was not. If a leaf is wrong its number is named and the exit code is 1.\n\n"
        "With --offline the tiles, the file's own structure, and the personal fields against the leaves that commit to "
        "them are looked at as well.\n\n"
        "Without --key the daemon's own key is used: that proves that the record is consistent, not who signed it.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = audit_verify_options,
    .examples = {{"dure audit verify --key regulator.key", "against a key that was handed over"},
                 {"dure audit verify --offline --state /backup/dure", "a backup"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_audit_verify,
};

const struct dure_verb dure_verb_audit_checkpoint = {
    .name = "audit checkpoint",
    .operands = "",
    .title = "print the signed checkpoint of the present head",
    .text = "A C2SP signed note: origin, size, root, signature. Keep one elsewhere: `dure audit verify --checkpoint` "
            "proves later that nothing before it was changed.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .examples = {{"dure audit checkpoint > today.note", "keep it"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_audit_checkpoint,
};

const struct dure_verb dure_verb_audit_key = {
    .name = "audit key",
    .operands = "",
    .title = "print the verifier key",
    .text = "The C2SP form: origin, key id and public key, joined by plus signs. Hand it over by a way that you trust.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .examples = {{"dure audit key > dure.key", "for those who check"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_audit_key,
};

static const struct dure_option audit_erase_options[] = {
    {"login", 'u', DURE_OPTION_TEXT, "LOGIN", NULL, "of this person, everywhere"},
    {"job", 'j', DURE_OPTION_COUNT, "JOB", NULL, "of this job", NULL, 1, INT64_MAX},
    {"fields", 'f', DURE_OPTION_TEXT, "NAMES", "all of them",
     "which, parted by commas: login email person name script command environment workdir stdout stderr comment image"},
    {"yes", 0, DURE_OPTION_FLAG, NULL, NULL, "do not ask"},
    {NULL},
};

const struct dure_verb dure_verb_audit_erase = {
    .name = "audit erase",
    .operands = "",
    .title = "erase personal fields for ever",
    .text = "Deletes values and salts; the record keeps only commitments, so that it still verifies. Cannot be undone. "
            "Copies made by `dure backup` keep what they "
            "hold until their own end.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = audit_erase_options,
    .examples = {{"dure audit erase --login mina", "all personal fields of one person"},
                 {"dure audit erase --job 12 --fields script,environment", "two fields of one job"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_audit_erase,
};

static const struct dure_option audit_show_options[] = {
    {"count", 'n', DURE_OPTION_COUNT, "N", "1", "how many records from there on", NULL, 1, 10000},
    {NULL},
};

const struct dure_verb dure_verb_audit_show = {
    .name = "audit show",
    .operands = "SEQUENCE",
    .title = "print records of the journal, each a line of JSON",
    .text = "SEQUENCE counts leaves from 0. A record that was cut into several leaves is shown at its head.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_RECORD,
    .options = audit_show_options,
    .examples = {{"dure audit show 0 -n 10", "how it began"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_audit_show,
};

const struct dure_verb dure_verb_audit_proof = {
    .name = "audit proof",
    .operands = "SEQUENCE",
    .title = "prove that a leaf is in the signed tree",
    .text = "Fetches the leaf, the inclusion proof and the checkpoint, checks them here, and prints them.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_RECORD,
    .examples = {{"dure audit proof 5", "leaf 5"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_audit_proof,
};

static const struct dure_option events_options[] = {
    {"follow", 'f', DURE_OPTION_FLAG, NULL, NULL,
     "go on until interrupted; a broken connection is taken up where it ended"},
    {"from", 0, DURE_OPTION_COUNT, "SEQUENCE", NULL, "begin at this record (with --follow: only new ones unless given)",
     NULL, 0, INT64_MAX},
    {"kind", 'k', DURE_OPTION_TEXT, "NAMES", NULL, "only these kinds, parted by commas, such as submit,start,end"},
    {"limit", 'n', DURE_OPTION_COUNT, "N", NULL, "stop after so many", NULL, 1, INT64_MAX},
    {NULL},
};

const struct dure_verb dure_verb_events = {
    .name = "events",
    .operands = "",
    .title = "print the stream of records",
    .text = "Without --follow: all that there is, then the end. With --json each line is the record as JSON with its "
            "sequence.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = events_options,
    .examples = {{"dure events --follow --kind start,end", "jobs as they come and go"},
                 {"dure events --json > record.jsonl", "the whole record"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_events,
};

static const struct dure_option backup_options[] = {
    {"with-key", 0, DURE_OPTION_FLAG, NULL, NULL,
     "copy the signing key too; without it a restored state makes no checkpoints until the key is put back"},
    {NULL},
};

const struct dure_verb dure_verb_backup = {
    .name = "backup",
    .operands = "DIRECTORY",
    .title = "copy the state while the daemon runs",
    .text = "A consistent copy into an empty directory on the daemon's machine. It holds personal fields; mind where "
            "it goes and how long it stays.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_DIR,
    .options = backup_options,
    .examples = {{"dure backup /backup/dure-monday", "without the key"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_backup,
};

static const struct dure_option restore_options[] = {
    {"key", 'k', DURE_OPTION_FILE, "FILE", "the backup's own", "the signing key to put in place"},
    {NULL},
};

const struct dure_verb dure_verb_restore = {
    .name = "restore",
    .operands = "DIRECTORY",
    .title = "make an empty state folder from a backup",
    .text = "No daemon may be running on the state folder, and it must hold no journal. The copy is opened, its tree "
            "and its records are checked by replay, and only then "
            "it is put in place.",
    .flags = DURE_VERB_JSON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_DIR,
    .options = restore_options,
    .examples = {{"dure restore /backup/dure-monday --key /safe/dure.key", "then `dure up`"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_restore,
};

const struct dure_verb dure_verb_clock = {
    .name = "clock",
    .operands = "",
    .title = "the daemon's clock: accept",
    .text = "A forward jump of the wall clock by more than five seconds is held, because walltimes and allotments "
            "would end by it.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

const struct dure_verb dure_verb_clock_accept = {
    .name = "clock accept",
    .operands = "",
    .title = "accept a held jump of the clock",
    .text = "First look at the clock of the daemon's machine: what is accepted cannot be taken back.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .examples = {{"dure clock accept", "the clock is right"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_clock_accept,
};
