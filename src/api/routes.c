/* The table of routes: what is served, to whom, and what /openapi.json says of it. */
#include "api/inner.h"

#define GET DURE_HTTP_GET
#define POST DURE_HTTP_POST
#define PUT DURE_HTTP_PUT
#define ANY ACCESS_ANY
#define MEMBER ACCESS_MEMBER
#define OPERATOR ACCESS_OPERATOR
#define NODES ACCESS_NODES
#define PAGE "limit:integer after:string"
#define BINARY "application/octet-stream"

const struct route dure_routes[] = {
    /* Most often asked first: the table is walked. */
    {POST, "/v1/jobs", MEMBER, false, handle_submit, "submitJob", "Submit a job", "test_only:boolean", "Job",
     "Submitted", 201},
    {GET, "/v1/jobs", ANY, false, handle_jobs, "listJobs", "List jobs, live and ended",
     "state:string project:string user:string " PAGE, NULL, "Jobs", 200},
    {GET, "/v1/jobs/{job}", ANY, false, handle_job, "getJob", "One job, or one element of an array as 12.3", "", NULL,
     "JobDetail", 200},
    {GET, "/v1/jobs/{job}/why", ANY, false, handle_why, "whyJob", "Why it waits, or why it runs where it runs", "",
     NULL, "Why", 200},
    {GET, "/v1/jobs/{job}/logs", ANY, false, handle_logs, "readLog", "Bytes of a task's output",
     "stream:string task:integer offset:integer limit:integer", NULL, BINARY, 200},
    {POST, "/v1/jobs/{job}/cancel", ANY, false, handle_cancel, "cancelJob", "Cancel a job or an element", "", NULL,
     "Done", 200},
    {POST, "/v1/jobs/{job}/hold", ANY, false, handle_hold, "holdJob", "Keep a pending job from starting", "", NULL,
     "Done", 200},
    {POST, "/v1/jobs/{job}/release", ANY, false, handle_release, "releaseJob", "Let a held job start", "", NULL, "Done",
     200},
    {POST, "/v1/jobs/{job}/modify", ANY, false, handle_modify, "modifyJob", "Change a job after its submission", "",
     "JobChanges", "Done", 200},
    {POST, "/v1/jobs/{job}/requeue", ANY, false, handle_requeue, "requeueJob",
     "Stop what runs of a job and queue it again", "", "Requeue", "Done", 200},
    {GET, "/healthz", ANY, true, handle_healthz, "health", "Is the daemon up and well?", "", NULL, "Health", 200},
    {GET, "/metrics", ANY, false, handle_metrics, "metrics", "Prometheus text", "", NULL, "text/plain", 200},
    {GET, "/openapi.json", ANY, true, handle_openapi, "openapi", "This document", "", NULL, "application/json", 200},
    {GET, "/v1/version", ANY, false, handle_version, "version", "What runs here and what it enforces", "", NULL,
     "Version", 200},
    {GET, "/v1/me", ANY, false, handle_me, "me", "Who you are to the daemon", "", NULL, "Me", 200},
    {PUT, "/v1/fleet", OPERATOR, false, handle_fleet_put, "putFleet", "Set or extend the fleet", "preview:boolean",
     "Fleet", "Done", 200},
    {GET, "/v1/fleet", ANY, false, handle_fleet_get, "getFleet", "The board: GPUs by owner, site and model", "", NULL,
     "Board", 200},
    {GET, "/v1/fleet/spec", ANY, false, handle_fleet_spec, "getFleetSpec", "The canonical Fleet spec", "", NULL,
     "Fleet", 200},
    {PUT, "/v1/tenants", OPERATOR, false, handle_tenants_put, "putTenants", "Set or extend the tenants",
     "preview:boolean give_up_operator:boolean", "Tenants", "Done", 200},
    {GET, "/v1/tenants", ANY, false, handle_tenants_get, "listTenants", "Tenants with what they use", "", NULL,
     "TenantRows", 200},
    {GET, "/v1/tenants/spec", ANY, false, handle_tenants_spec, "getTenantsSpec",
     "The canonical Tenants spec; operators may have the logins", "logins:boolean", NULL, "Tenants", 200},
    {GET, "/v1/nodes", ANY, false, handle_nodes, "listNodes", "Nodes and their state",
     "site:string owner:string state:string " PAGE, NULL, "Nodes", 200},
    {GET, "/v1/nodes/{name}", ANY, false, handle_node, "getNode", "One node and the jobs on it", "", NULL, "Node", 200},
    {POST, "/v1/nodes/{name}/drain", NODES, false, handle_drain, "drainNodes", "Let nodes finish and take no new work",
     "", "Drain", "DoneNodes", 200},
    {POST, "/v1/nodes/{name}/resume", NODES, false, handle_resume, "resumeNodes", "Take nodes into use again", "", NULL,
     "DoneNodes", 200},
    {GET, "/v1/allotments", ANY, false, handle_allotments, "listAllotments", "What was promised to whom", "", NULL,
     "Allotments", 200},
    {POST, "/v1/allotments", OPERATOR, false, handle_grant, "grant", "Promise GPUs to a tenant", "preview:boolean",
     "Allotment", "Granted", 201},
    {POST, "/v1/allotments/{name}/shrink", OPERATOR, false, handle_shrink, "shrink",
     "Leave fewer cells to an allotment", "preview:boolean", "Shrink", "Done", 200},
    {POST, "/v1/allotments/{name}/end", OPERATOR, false, handle_allot_end, "endAllotment", "End an allotment",
     "preview:boolean", NULL, "Done", 200},
    {GET, "/v1/events", ANY, false, handle_events, "events", "Records as they become durable (server-sent events)",
     "from:integer", NULL, "text/event-stream", 200},
    {GET, "/v1/audit/checkpoint", ANY, false, handle_checkpoint, "checkpoint", "The signed checkpoint (C2SP)", "", NULL,
     "text/plain", 200},
    {GET, "/v1/audit/key", ANY, false, handle_audit_key, "auditKey", "The verifier key", "", NULL, "text/plain", 200},
    {GET, "/v1/audit/tile/{level}/{index*}", ANY, false, handle_tile, "tile",
     "A tile or entry bundle (C2SP tlog-tiles)", "", NULL, BINARY, 200},
    {GET, "/v1/audit/digests", ANY, false, handle_digests, "digests",
     "The state's digest after each stored transaction", "from:integer limit:integer", NULL, "Digests", 200},
    {GET, "/v1/audit/proof", ANY, false, handle_proof, "proof", "Inclusion proof of one leaf at the present head",
     "sequence:integer", NULL, "text/plain", 200},
    {POST, "/v1/audit/erase", OPERATOR, false, handle_erase, "erase", "Erase personal fields", "", "Erase", "Erased",
     200},
    {POST, "/v1/backup", OPERATOR, false, handle_backup, "backup", "A consistent copy on the daemon's machine", "",
     "Backup", "BackedUp", 200},
    {POST, "/v1/clock/accept", OPERATOR, false, handle_clock_accept, "acceptClock", "Accept a held jump of the clock",
     "", NULL, "ClockAccepted", 200},
    {POST, "/v1/shutdown", OPERATOR, false, handle_shutdown, "shutdown", "Stop the daemon; jobs go on", "", NULL, "Ok",
     202},
};
const unsigned dure_route_count = sizeof dure_routes / sizeof dure_routes[0];
