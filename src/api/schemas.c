#include "api/schemas.h"

#define SUMS                                                                                                           \
    "gpus:integer own:integer lent:integer borrowed:integer idle:integer lost:integer away:integer dark:integer "      \
    "foreign:integer arriving:integer "                                                                                \
    "promised:integer virtual:boolean emulated:boolean"
#define OWNER_SUMS                                                                                                     \
    "gpus:integer own_milli:integer own_borrowed_milli:integer granted_milli:integer lent_milli:integer idle:integer " \
    "lost:integer away:integer dark:integer foreign:integer arriving:integer promised:integer suspended:integer "      \
    "emulated:boolean virtual:boolean"
#define ROW                                                                                                            \
    "job:integer element:integer? elements:string? element_count:integer user:string? project:string? class:string "   \
    "state:string state_code:string "                                                                                  \
    "wait:string? tasks:integer gpus:integer gpu_milli:integer level:string? walltime_us:integer grace_us:integer "    \
    "checkpoint_us:integer "                                                                                           \
    "submitted:string? started:string? "                                                                               \
    "ended:string? deadline:string? planned:string? planned_on:string? nodes:string node_count:integer site:string? "  \
    "model:string? emulated:boolean "                                                                                  \
    "virtual:boolean "                                                                                                 \
    "source_owner:string? allotment:string? priority:integer held:boolean requeues:integer exit_code:integer? "        \
    "exit_signal:integer? cause:string? reason:string? "                                                               \
    "usage:{Usage}"

const struct schema dure_schemas[] = {
    {"Error", "error:{ErrorBody}", "Why a request was refused."},
    {"ErrorBody", "code:string message:string problems:[{Problem}] total:integer",
     "The code is one of the table in the reference."},
    {"Problem", "field:string found:string expected:string", "One fault in a spec."},
    {"Job", "", "A Job spec as JSON: the same fields as in YAML."},
    {"JobChanges",
     "priority:integer walltime:string grace:string begin:string deadline:string requeue:boolean hold:boolean "
     "array_limit:integer class:string tasks:integer gpus:number gpu_memory:string models:[string] cpus:number "
     "memory:string tasks_per_node:integer level:string spread:{Spread} nodes:string exclude:string mig:string "
     "checkpoint:string",
     "Fields of the Job spec; only those named are changed. \"none\" takes begin, deadline, level, models, spread, "
     "nodes, exclude, mig or checkpoint away."},
    {"Spread", "level:string max:integer", "At most so many tasks in one cell of this level."},
    {"Requeue", "hold:boolean", "`hold`: the job then waits until it is released."},
    {"Fleet", "", "A Fleet spec as JSON: the same fields as in YAML."},
    {"Tenants", "", "A Tenants spec as JSON: the same fields as in YAML."},
    {"Power", "", "A Power spec as JSON: the same fields as in YAML."},
    {"Data", "", "A Data spec as JSON: the same fields as in YAML."},
    {"PowerDomain",
     "domain:string limit_w:integer? kept_w:integer? next:string? fed_w:integer used_w:integer promised_w:integer? "
     "gpus:integer dark:integer",
     "At worst case. `kept_w` is the least limit from now to a lead ahead; null: none."},
    {"PowerState", "lead_s:integer source:string? domains:[{PowerDomain}]", "Inner domains before outer ones."},
    {"Dataset",
     "name:string label:string class:string? everywhere:boolean sites:[string] alone_in:string? forbidden:[string] "
     "jobs:integer",
     "`alone_in`: the level of which no other tenant's work, or none of those `forbidden`, may share a cell; `jobs`: live ones that name it."},
    {"Datasets", "datasets:[{Dataset}]", ""},
    {"Allotment", "", "One declaration as under `allotments` of a Tenants spec."},
    {"Submitted", "job:integer sequence:integer note:string?",
     "On disk: the job's number, and the leaf of its record; a note says why it is promised no place."},
    {"Granted", "allotment:integer sequence:integer preview:boolean text:string",
     "On disk; or, with preview, what it would do."},
    {"Done",
     "job:integer allotment:integer sequence:integer preview:boolean text:string gpus:integer gpus_now:integer "
     "nodes:integer tenants:integer "
     "tenants_now:integer allotments:integer allotments_now:integer allotments_over:integer roles:integer "
     "limits:integer "
     "domains:integer datasets:integer",
     "On disk; or, with preview, what it would do."},
    {"DoneNodes", "nodes:integer sequence:integer unchanged:integer unchanged_because:string",
     "How many nodes were changed."},
    {"Ok", "status:string", ""},
    {"ClockAccepted", "status:string accepted:boolean jump_us:integer", "No jump was held where `accepted` is false."},
    {"Health", "status:string", ""},
    {"Usage",
     "cpu_us:integer memory_peak_mib:integer gpu_busy_us:integer gpu_memory_peak_mib:integer energy_mj:integer",
     "Summed over the tasks."},
    {"JobRow", ROW " name:string?", "One job, one element of an array, or the rest of an array that waits."},
    {"Jobs", "jobs:[{JobRow}] next:string",
     "`next` is absent on the last page; a page may be short and still have one."},
    {"Dependency", "job:integer kind:string", ""},
    {"Attempt",
     "attempt:integer state:string started:string? ended:string? nodes:string exit_code:integer? exit_signal:integer? "
     "cause:string? note:string?",
     "note: why a live one does not run yet, in its engine's words."},
    {"JobDetail",
     ROW " name:string? task_gpus:integer gpu_memory_mib:integer task_cpu_milli:integer task_memory_mib:integer "
         "tasks_per_node:integer "
         "level_required:boolean models:[string] spread_level:string? spread_max:integer nodes_allowed:string? "
         "nodes_excluded:string? mig:string? must_end_by:string? begin:string? requeue:boolean after:[{Dependency}] "
         "attempts:[{Attempt}] "
         "script:string? workdir:string? "
         "stdout:string? stderr:string? comment:string? image:string? command:[string] environment:[string] "
         "erased:[string] "
         "parts:[{JobRow}]",
     "What a person wrote is null for those who may not see it; the environment is for its submitter and operators."},
    {"WhyRow",
     "rule:string text:string chain:string? owner:string? site:string? model:string? emulated:boolean "
     "virtual:boolean gpus:integer need:integer "
     "have:integer unit:string? nodes:integer busy:{WhyUsers}",
     "What one rule rules out of one chain; the rows' GPUs and nodes sum to the fleet's."},
    {"WhyUsers", "own:integer guaranteed:integer borrowed:integer reserved:integer",
     "Who is on GPUs that are busy: the tenant's own work, others' guaranteed and borrowed work, what a waiting job "
     "has reserved."},
    {"WhyGroup",
     "rule:string text:string chains:integer gpus:integer nodes:integer nearest:string need:integer have:integer "
     "unit:string busy:{WhyUsers}",
     "All rows of one rule; the figures are those of the chain nearest to a start."},
    {"WhyOther",
     "rank:integer chain:string allotment:string? here:boolean fits:boolean promised_permille:integer idle:integer "
     "evicts:integer left_over:integer",
     "Of a running job: a place that the core ranks for it, as it is now."},
    {"WhyCrossed", "rule:string text:string leaves:integer first:string site:string what:string",
     "One of the rules that leave no place together, though none does alone: the chains that it would leave, and the "
     "dataset or the limited part of the fleet that it is of where it refuses with the fewest others."},
    {"WhyOpening",
     "rule:string text:string chain:string places:integer need:integer have:integer unit:string what:string "
     "more_w:integer more_gpus:integer more_limits:integer",
     "The rule that is cheapest to change among those that refuse a place alone. Of power: by how much the limit is "
     "too "
     "low, and how many others are as well."},
    {"WhyPlace", "nodes:string node_count:integer gpus:integer clear:boolean allotment:string?",
     "Where a job that is not submitted would start now; not clear: when those who are there have had their notice."},
    {"WhyTollRow", "rule:string text:string jobs:integer gpus:integer gpu_hours:string",
     "What one rule, or one thing that jobs wait for, costs; elements of arrays count each."},
    {"WhyQueue", "jobs:integer gpus:integer requests:integer gpu_hours:string rules:[{WhyTollRow}]",
     "By waiting GPU-hours, the most first."},
    {"WhyAwaited", "job:integer element:integer project:string? maintenance:integer ends:string?",
     "A job, or maintenance, that is to end before."},
    {"WhyEstimate", "earliest:string? likely:string? latest:string? rough:boolean waits_for:[{WhyAwaited}]",
     "By GPUs alone and in the order of the queue: latest by walltimes, likely and earliest by how long work has "
     "lasted."},
    {"WhyChange", "field:string value:string text:string",
     "A field of the job's spec and a value with which it would start now, tried on the state as it is. An empty value "
     "takes the field out."},
    {"Why",
     "never:boolean note:string? starts_now:boolean place:{WhyPlace} job:integer element:integer state:string "
     "wait:string "
     "sentence:string ahead:integer "
     "kept_for:integer? start_estimate:string? estimate:{WhyEstimate} rows:[{WhyRow}] groups:[{WhyGroup}] "
     "alternatives:[{WhyOther}] crossing:[{WhyCrossed}] opening:{WhyOpening} "
     "changes:[{WhyChange}]",
     "Changes are in order of what they cost, the cheapest first."},
    {"Version",
     "version:string core_version:integer journal_size:integer term:integer started:string? time:string? "
     "state_dir:string socket:string "
     "zone:string? disk_free_mib:integer enforcement:[string]",
     ""},
    {"Role", "role:string tenant:string? owner:string?", ""},
    {"Me", "login:string uid:integer principal:integer? roles:[{Role}] default_project:string?", ""},
    {"Sums", SUMS,
     "GPUs. own: used by guaranteed work; lent: by borrowed work; borrowed: by one's own work on others' GPUs."},
    {"OwnerRow", "name:string label:string " SUMS, ""},
    {"SiteRow",
     "name:string label:string region:string? latitude_udeg:integer longitude_udeg:integer engine:string " SUMS, ""},
    {"ModelRow", "name:string memory_mib:integer " SUMS, ""},
    {"ChainRow",
     "name:string owner:string site:string model:string nodes:integer node_gpus:integer provenance:string "
     "source:string? "
     "available_from:string? levels:[string] " SUMS,
     ""},
    {"OtherRow", "name:string kind:string site:string? owner:string? count:integer note:string",
     "Not schedulable, and in no total."},
    {"OwnerChain", "name:string site:string model:string " OWNER_SUMS,
     "GPUs of one chain, in milli-GPU where fractions may be in use."},
    {"OwnerTotals", OWNER_SUMS, ""},
    {"OwnerUse",
     "tenant:string title:string chain:string jobs:integer gpu_milli:integer back_if_asked:string? ends:string?",
     "Who stands on an owner's GPUs: own (by right), own-borrowed, granted (another's right), lent. back_if_asked: "
     "when the "
     "last of what is borrowed would be free if the owner wanted it now; ends: the last walltime."},
    {"OwnerTerms", "notice_us:integer to_all:boolean to:[string] except:[string] from:string? until:string?", ""},
    {"Owner",
     "name:string label:string as_of:string? chains:[{OwnerChain}] totals:{OwnerTotals} uses:[{OwnerUse}] "
     "lending:[{OwnerTerms}]",
     "For its owners and members, operators and auditors."},
    {"Board",
     "name:string zone:string? as_of:string? totals:{Sums} owners:[{OwnerRow}] sites:[{SiteRow}] models:[{ModelRow}] "
     "chains:[{ChainRow}] "
     "others:[{OtherRow}]",
     ""},
    {"TenantRow",
     "path:string label:string? owner:string? weight:integer ceilings:{Ceilings} pending:integer running:integer "
     "gpus_used:integer "
     "gpus_borrowed:integer "
     "gpus_promised:integer gpu_hours_guaranteed:number gpu_hours_borrowed:number",
     "Figures include all tenants below it; GPU-hours count running attempts up to now, to a tenth."},
    {"Ceilings", "gpus:number gpus_per_user:number jobs:integer jobs_per_user:integer pending:integer",
     "Of the tenant with all below it, guaranteed and borrowed together; null where there are none."},
    {"TenantRows", "tenants:[{TenantRow}]", ""},
    {"NodeRow",
     "name:string chain:string owner:string site:string model:string state:string reason:string? gpus:integer "
     "used:integer "
     "borrowed:integer dark:integer dark_by:string? foreign:integer foreign_by:string? emulated:boolean "
     "virtual:boolean",
     ""},
    {"Nodes", "nodes:[{NodeRow}] next:string", ""},
    {"Node",
     "name:string chain:string owner:string site:string model:string state:string reason:string? gpus:integer "
     "used:integer "
     "borrowed:integer dark:integer dark_by:string? foreign:integer foreign_by:string? emulated:boolean "
     "virtual:boolean jobs:[{JobRow}]",
     ""},
    {"Drain", "reason:string", "Journaled for good: name no person in it."},
    {"BookingRow",
     "maintenance:integer state:string from:string? until:string? nodes:string node_count:integer gpus:integer "
     "reason:string",
     "`state`: booked or begun."},
    {"Bookings", "maintenance:[{BookingRow}]", ""},
    {"Book", "nodes:string site:string group:string from:string until:string reason:string",
     "One of nodes (a hostlist), site and group. The reason is journaled for good: name no person in it."},
    {"Booked", "maintenance:integer sequence:integer preview:boolean text:string",
     "On disk; or, with preview, what it would bring."},
    {"AllotmentRow",
     "id:integer name:string tenant:string owner:string chain:string site:string model:string level:string "
     "cells:integer gpus:integer "
     "from:string? until:string? state:string? bound:integer suspended:integer gpus_used:integer gpus_lent:integer",
     ""},
    {"IdleRow",
     "name:string tenant:string owner:string chain:string site:string model:string level:string cells:integer "
     "bound:integer gpus:integer gpus_lent:integer active:string? until:string? idle_since:string idle_us:integer "
     "gpu_hours_unused:number gpu_hours_used:number mean_use_percent:number emulated:boolean virtual:boolean",
     "Unused: its GPUs times the time since it was last used. Mean use: since it began, over its present GPUs."},
    {"IdleAllotments", "allotments:[{IdleRow}]",
     "Those that the asker may see: operators and auditors all, owners those on their hardware, members their "
     "tenants'."},
    {"Allotments", "allotments:[{AllotmentRow}]", ""},
    {"Shrink", "cells:integer", "How many cells stay."},
    {"DigestRow", "sequence:integer digest:string", ""},
    {"Digests", "digests:[{DigestRow}] next:string", ""},
    {"Erase", "login:string job:integer fields:[string]",
     "Either a login (with all jobs of that person) or a job; all fields unless some are named."},
    {"Erased", "bodies:integer jobs:integer sequence:integer note:string", ""},
    {"Backup", "directory:string with_key:boolean", "An absolute path on the daemon's machine."},
    {"BackedUp", "directory:string with_key:boolean", ""},
};
const unsigned dure_schema_count = sizeof dure_schemas / sizeof dure_schemas[0];
