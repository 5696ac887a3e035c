/* The `slurm` block of a site: what is taken, and every refusal with its place. */
#include "spec.h"

#define HEAD                                                                                                           \
    "kind: Fleet\nversion: 1\nname: t\nmodels: [{name: m, memory: 80GiB, power: 700W}]\nowners: [{name: o}]\nsites:\n"
#define TAIL                                                                                                           \
    "groups: [{name: g, owner: o, site: s, model: m, nodes: 'east-n[1-2]', cpus: 8, memory: 8GiB, levels: [{name: "    \
    "node, "                                                                                                           \
    "holds: 8}]}]\n"

static void taken(void)
{
    struct dure_fleet *f = spec_fleet(
        HEAD "- name: s\n  engine: slurm\n  slurm:\n    commands: {conf: /etc/slurm/slurm.conf}\n"
             "    partition: dure\n    account: nat\n    qos: top\n    reservation: r\n    node_prefix: east-\n"
             "    accounts: [{project: nat/a, account: lab-a}, {project: nat/a/deep, account: deep}]\n"
             "    submit_as: daemon\n    poll: 5s\n    fetch: [ssh, -q, login1, sh]\n  containers: "
             "/opt/bin/apptainer\n" TAIL);
    const struct dure_slurm_site *s = f->sites[0].slurm;
    TAP_OK(f->sites[0].engine == DURE_ENGINE_SLURM && s != NULL, "an engine of its own");
    TAP_EQ_STR(dure_engine_kind_name(f->sites[0].engine), "slurm", "and its name");
    TAP_OK(s->via == DURE_SLURM_COMMANDS && !strcmp(s->path, "/usr/bin") && !strcmp(s->conf, "/etc/slurm/slurm.conf") &&
               !*s->url && !*s->token_file,
           "the commands, where Debian puts them");
    TAP_OK(!strcmp(s->partition, "dure") && !strcmp(s->account, "nat") && !strcmp(s->qos, "top") &&
               !strcmp(s->reservation, "r") && !strcmp(s->node_prefix, "east-") && s->as_daemon &&
               s->poll_us == 5000000,
           "the terms");
    static const struct {
        const char *path, *account;
    } paths[] = {{"nat", "nat"},         {"nat/a", "lab-a"},        {"nat/ab", "nat"},      {"nat/a/b", "lab-a"},
                 {"nat/a/deep", "deep"}, {"nat/a/deep/er", "deep"}, {"other/nat/a", "nat"}, {"nat/a/deeper", "lab-a"}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char account[DURE_NAME_MAX + 1];
        dure_slurm_account(s, paths[i].path, account);
        TAP_EQ_STR(account, paths[i].account, paths[i].path);
    }
    TAP_OK(s->fetch_count == 4 && !memcmp(s->fetch, "ssh\0-q\0login1\0sh", 17) &&
               !strcmp(f->sites[0].containers, "/opt/bin/apptainer"),
           "how its output is fetched, and what runs its containers");
    struct dure_fleet *again = NULL;
    TAP_OK(!dure_fleet_from_json(f->spec_json, f->spec_json_length, &again, NULL) &&
               !strcmp(again->sites[0].slurm->node_prefix, "east-"),
           "the canonical text says it all");
    dure_fleet_free(again);
    dure_fleet_free(f);
    f = spec_fleet(HEAD "- name: s\n  engine: slurm\n  slurm: {rest: {url: 'http://127.0.0.1:6820', token_file: /k/t, "
                        "user: dure}}\n" TAIL);
    s = f->sites[0].slurm;
    TAP_OK(s->via == DURE_SLURM_REST && !strcmp(s->url, "http://127.0.0.1:6820") && !strcmp(s->token_file, "/k/t") &&
               !strcmp(s->user, "dure") && s->poll_us == 2000000 && !s->as_daemon,
           "slurmrestd by HTTP");
    dure_fleet_free(f);
    f = spec_fleet(HEAD "- name: s\n  engine: slurm\n  slurm: {rest: {url: 'unix:/run/s'}}\n" TAIL);
    TAP_EQ_STR(f->sites[0].slurm->url, "unix:/run/s", "slurmrestd by its socket, which needs no token");
    dure_fleet_free(f);
}

static void refused(void)
{
    static const struct {
        const char *site, *said;
    } cases[] = {
        {"engine: slurm}\n", "7:5: sites[0].slurm: found nothing, expected how its Slurm is reached: commands: {conf: "
                             "...} or rest: {url: ...}"},
        {"engine: local, slurm: {commands: {}}}\n",
         "sites[0].slurm: found a field of another engine, expected no such field, or engine: slurm"},
        {"engine: slurm, containers: docker, slurm: {commands: {}}}\n",
         "sites[0].containers: found 'docker', expected apptainer or singularity where its nodes have it on PATH"},
        {"engine: slurm, containers: '/a;b', slurm: {commands: {}}}\n", "sites[0].containers: found '/a;b', expected"},
        {"engine: slurm, slurm: {commands: {}, fetch: ssh}}\n", "sites[0].slurm.fetch: found"},
        {"engine: slurm, slurm: {commands: {}, fetch: []}}\n",
         "sites[0].slurm.fetch: found an empty list, expected a program and its arguments, such as [ssh, login1, sh]"},
        {"engine: slurm, slurm: {commands: {}, fetch: [bin/ssh]}}\n",
         "sites[0].slurm.fetch[0]: found 'bin/ssh', expected a program: an absolute path, or a name"},
        {"engine: slurm, slurm: {commands: {}, accounts: [{project: a}]}}\n",
         "sites[0].slurm.accounts[0].account: found nothing"},
        {"engine: slurm, slurm: {commands: {}, accounts: [{project: a//b, account: x}]}}\n",
         "sites[0].slurm.accounts[0].project: found 'a//b', expected a project's path, such as 'nat/vision'"},
        {"engine: slurm, slurm: {commands: {}, accounts: [{project: a, account: 'x y'}]}}\n",
         "sites[0].slurm.accounts[0].account: found 'x y'"},
        {"engine: slurm, slurm: {commands: {}, accounts: [{project: a, account: x}, {project: a, account: y}]}}\n",
         "sites[0].slurm.accounts[1].project: found 'a', expected each project once"},
        {"engine: slurm, slurm: {partition: p}}\n",
         "sites[0].slurm.commands: found nothing, expected how Slurm is reached"},
        {"engine: slurm, slurm: {commands: {}, rest: {url: 'unix:/a'}}}\n",
         "sites[0].slurm.rest: found a second way to reach Slurm, expected either commands or rest"},
        {"engine: slurm, slurm: {commands: {conf: etc/slurm.conf}}}\n",
         "sites[0].slurm.commands.conf: found 'etc/slurm.conf', expected an absolute path"},
        {"engine: slurm, slurm: {rest: {}}}\n", "sites[0].slurm.rest.url: found nothing, expected"},
        {"engine: slurm, slurm: {rest: {url: 'ftp://h'}}}\n",
         "found 'ftp://h', expected unix:/path/of/socket, http://host:port or https://host:port"},
        {"engine: slurm, slurm: {rest: {url: 'unix:run/s'}}}\n",
         "expected unix: and an absolute path of at most 107 bytes"},
        {"engine: slurm, slurm: {rest: {url: 'http://me:secret@h:1', token_file: /t}}}\n",
         "found credentials, expected no secret in a spec, which is kept for ever"},
        {"engine: slurm, slurm: {rest: {url: 'http://h:70000', token_file: /t}}}\n",
         "found 'http://h:70000', expected unix:"},
        {"engine: slurm, slurm: {rest: {url: 'http://h/slurm', token_file: /t}}}\n",
         "found 'http://h/slurm', expected unix:"},
        {"engine: slurm, slurm: {rest: {url: 'http://h:1'}}}\n",
         "sites[0].slurm.rest.token_file: found nothing, expected the file"},
        {"engine: slurm, slurm: {rest: {url: 'unix:/a', user: x}}}\n",
         "sites[0].slurm.rest.token_file: found nothing, expected the file"},
        {"engine: slurm, slurm: {rest: {url: 'unix:/a', token: abc}}}\n",
         "sites[0].slurm.rest.token: found an unknown field, expected token_file: a spec is kept for ever"},
        {"engine: slurm, slurm: {commands: {}, node_prefix: e1-}}\n",
         "sites[0].slurm.node_prefix: found 'e1-', expected a prefix without digits, such as 'east-'"},
        {"engine: slurm, slurm: {commands: {}, poll: 100ms}}\n", "sites[0].slurm.poll: "},
        {"engine: slurm, slurm: {commands: {}, submit_as: root}}\n",
         "sites[0].slurm.submit_as: found 'root', expected"},
        {"engine: slurm, slurm: {commands: {}, partion: p}}\n",
         "sites[0].slurm.partion: found an unknown field, expected 'partition'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048];
        struct dure_fleet *fleet = NULL;
        snprintf(text, sizeof text, HEAD "  - {name: s, %s" TAIL, cases[i].site);
        const struct dure_tree *tree = spec_tree(text);
        TAP_OK(tree && dure_fleet_parse(tree, &fleet, &spec_problems) == DURE_E_INVALID && !fleet, "refused: %s",
               cases[i].said);
        TAP_HAS(spec_said(), cases[i].said, "in words");
    }
}

static void following(void)
{
    struct dure_error error = {0};
    struct dure_fleet *now =
        spec_fleet(HEAD "- {name: s, engine: slurm, slurm: {commands: {}, node_prefix: east-}}\n" TAIL);
    struct dure_fleet *moved =
        spec_fleet(HEAD "- {name: s, engine: slurm, slurm: {rest: {url: 'unix:/a'}, node_prefix: east-}}\n" TAIL);
    struct dure_fleet *other = spec_fleet(HEAD "- {name: s, engine: slurm, slurm: {commands: {}}}\n" TAIL);
    TAP_OK(dure_fleet_may_follow(now, moved, &error) == DURE_OK, "how it is reached may change");
    TAP_OK(dure_fleet_may_follow(now, other, &error) == DURE_E_STATE, "what its nodes are called may not");
    TAP_HAS(error.text, "site 's' has another node_prefix", "in words");
    dure_fleet_free(now);
    dure_fleet_free(moved);
    dure_fleet_free(other);
}

int main(void)
{
    taken();
    refused();
    following();
    dure_arena_free(spec_arena);
    return tap_done();
}
