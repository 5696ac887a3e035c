/* Shell completion, from the table. */
#include <string.h>

#include "cli/cli.h"
#include "cli/handlers.h"

static bool group(const struct dure_verb *verb)
{
    for (unsigned i = 0; dure_verbs[i]; i++)
        if (dure_verb_within(dure_verbs[i], verb))
            return true;
    return false;
}

static void words_of_options(const struct dure_verb *verb, struct dure_buf *buf)
{
    const struct dure_option *option;
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++)
        dure_buf_printf(buf, "%s--%s%s", k ? " " : "", option->name, option->argument ? "=" : "");
}

static void words_of_verbs(const struct dure_verb *in, struct dure_buf *buf)
{
    bool first = true;
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const char *word = dure_verb_below(dure_verbs[i], in);
        if (!word)
            continue;
        dure_buf_printf(buf, "%s%s", first ? "" : " ", word);
        first = false;
    }
}

static const char *operand_words(enum dure_operand operand)
{
    switch (operand) {
    case DURE_OPERAND_FILE: return "$(compgen -f -- \"$cur\")";
    case DURE_OPERAND_DIR: return "$(compgen -d -- \"$cur\")";
    case DURE_OPERAND_JOB: return "$(dure jobs --no-header --format=jobid 2>/dev/null)";
    case DURE_OPERAND_SHELL: return "bash zsh fish";
    default: return "";
    }
}

static void bash_values(const struct dure_verb *verb, struct dure_buf *buf)
{
    const struct dure_option *option;
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        if (option->type == DURE_OPTION_CHOICE) {
            dure_buf_printf(buf, "    '%s --%s') words='", verb->name, option->name);
            for (const char *at = option->choices; *at; at++)
                dure_buf_byte(buf, (uint8_t)(*at == '|' ? ' ' : *at));
            dure_buf_str(buf, "' ;;\n");
        } else if (option->type == DURE_OPTION_FILE || option->type == DURE_OPTION_DIR) {
            dure_buf_printf(buf, "    '%s --%s') COMPREPLY=($(compgen -%c -- \"$cur\")); return ;;\n", verb->name,
                            option->name, option->type == DURE_OPTION_DIR ? 'd' : 'f');
        }
    }
}

static unsigned words_of(const struct dure_verb *verb)
{
    unsigned words = 1;
    for (const char *at = verb->name; (at = strchr(at, ' ')) != NULL; at++)
        words++;
    return words;
}

/* Groups of so many words: the next word is one of theirs, and becomes part of the verb. */
static void bash_groups(struct dure_buf *buf, unsigned words)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        if (words_of(dure_verbs[i]) != words || !group(dure_verbs[i]))
            continue;
        dure_buf_printf(buf,
                        "    '%s')\n      if [ \"$COMP_CWORD\" -eq %u ] && [ \"${cur#-}\" = \"$cur\" ]; then "
                        "COMPREPLY=($(compgen -W '",
                        dure_verbs[i]->name, words + 1);
        words_of_verbs(dure_verbs[i], buf);
        dure_buf_str(buf, "' -- \"$cur\")); return; fi\n      case \" ");
        words_of_verbs(dure_verbs[i], buf);
        dure_buf_printf(buf, " \" in *\" ${COMP_WORDS[%u]} \"*) verb=\"$verb ${COMP_WORDS[%u]}\" ;; esac ;;\n",
                        words + 1, words + 1);
    }
}

static void bash(struct dure_buf *buf)
{
    dure_buf_str(buf, "# bash completion for dure, written by `dure completion bash`\n_dure() {\n  local "
                      "cur=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"${COMP_WORDS[1]}\" words=\n"
                      "  local prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n  COMPREPLY=()\n"
                      "  if [ \"$prev\" = = ]; then prev=\"${COMP_WORDS[COMP_CWORD-2]}\"; fi\n"
                      "  if [ \"$cur\" = = ]; then cur=; fi\n"
                      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W '");
    words_of_verbs(NULL, buf);
    dure_buf_str(buf, "' -- \"$cur\")); return\n  fi\n  case \"$verb\" in\n");
    bash_groups(buf, 1);
    dure_buf_str(buf, "    help) words='");
    words_of_verbs(NULL, buf);
    dure_buf_str(buf, "' ;;\n  esac\n  case \"$verb\" in\n");
    bash_groups(buf, 2);
    dure_buf_str(buf, "  esac\n  case \"$verb $prev\" in\n");
    for (unsigned i = 0; dure_verbs[i]; i++)
        bash_values(dure_verbs[i], buf);
    dure_buf_str(buf, "  esac\n  if [ -z \"$words\" ]; then case \"$verb\" in\n");
    for (unsigned i = 0; dure_verbs[i]; i++) {
        dure_buf_printf(buf, "    '%s') if [ \"${cur#-}\" != \"$cur\" ]; then words='", dure_verbs[i]->name);
        words_of_options(dure_verbs[i], buf);
        dure_buf_printf(buf, "'; else words=\"%s\"; fi ;;\n", operand_words(dure_verbs[i]->operand));
    }
    dure_buf_str(
        buf, "  esac; fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
             "  case \"${COMPREPLY[0]}\" in *=) compopt -o nospace 2>/dev/null ;; esac\n}\ncomplete -F _dure dure\n");
}

/* Single quotes for zsh and fish. */
static void quoted(struct dure_buf *buf, const char *text, bool zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            dure_buf_str(buf, zsh ? "'\\''" : "\\'");
        else if (zsh && (*text == ':' || *text == '[' || *text == ']'))
            dure_buf_printf(buf, "\\%c", *text);
        else
            dure_buf_byte(buf, (uint8_t)*text);
    }
}

static void zsh_described(struct dure_buf *buf, const struct dure_verb *in)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const char *word = dure_verb_below(dure_verbs[i], in);
        if (!word)
            continue;
        dure_buf_printf(buf, " '%s:", word);
        quoted(buf, dure_verbs[i]->title, true);
        dure_buf_byte(buf, '\'');
    }
}

static void zsh_arguments(struct dure_buf *buf, const struct dure_verb *verb)
{
    const struct dure_option *option;
    dure_buf_printf(buf, "    '%s') _arguments", verb->name);
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        dure_buf_printf(buf, " '--%s%s[", option->name, option->argument ? "=" : "");
        quoted(buf, option->help, true);
        dure_buf_byte(buf, ']');
        if (option->argument) {
            dure_buf_str(buf, ":");
            quoted(buf, option->argument, true);
            if (option->type == DURE_OPTION_CHOICE) {
                dure_buf_str(buf, ":(");
                for (const char *at = option->choices; *at; at++)
                    dure_buf_byte(buf, (uint8_t)(*at == '|' ? ' ' : *at));
                dure_buf_byte(buf, ')');
            } else {
                dure_buf_str(buf, option->type == DURE_OPTION_FILE  ? ":_files"
                                  : option->type == DURE_OPTION_DIR ? ":_files -/"
                                                                    : ":");
            }
        }
        dure_buf_byte(buf, '\'');
    }
    if (verb->operand == DURE_OPERAND_FILE)
        dure_buf_str(buf, " '*:file:_files'");
    else if (verb->operand == DURE_OPERAND_DIR)
        dure_buf_str(buf, " '*:directory:_files -/'");
    else if (verb->operand == DURE_OPERAND_SHELL)
        dure_buf_str(buf, " '1:shell:(bash zsh fish)'");
    dure_buf_str(buf, " ;;\n");
}

static void zsh_groups(struct dure_buf *buf, unsigned words)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        if (words_of(dure_verbs[i]) != words || !group(dure_verbs[i]))
            continue;
        dure_buf_printf(buf, "    '%s') verbs=(", dure_verbs[i]->name);
        zsh_described(buf, dure_verbs[i]);
        dure_buf_printf(buf,
                        ")\n      if (( CURRENT == %u )) && [[ \"$words[%u]\" != -* ]]; then _describe verb verbs; "
                        "return; fi\n      case \" ",
                        words + 2, words + 2);
        words_of_verbs(dure_verbs[i], buf);
        dure_buf_printf(buf, " \" in *\" $words[%u] \"*) verb=\"$verb $words[%u]\" ;; esac ;;\n", words + 2, words + 2);
    }
}

static void zsh(struct dure_buf *buf)
{
    dure_buf_str(buf, "#compdef dure\n# zsh completion for dure, written by `dure completion zsh`\n_dure() {\n  local "
                      "-a verbs\n  local verb=\"$words[2]\"\n"
                      "  if (( CURRENT == 2 )); then\n    verbs=(");
    zsh_described(buf, NULL);
    dure_buf_str(buf, ")\n    _describe verb verbs; return\n  fi\n  case \"$verb\" in\n");
    zsh_groups(buf, 1);
    dure_buf_str(buf, "  esac\n  case \"$verb\" in\n");
    zsh_groups(buf, 2);
    dure_buf_str(buf, "  esac\n  case \"$verb\" in\n");
    for (unsigned i = 0; dure_verbs[i]; i++)
        zsh_arguments(buf, dure_verbs[i]);
    dure_buf_str(buf, "  esac\n}\nif [ \"$funcstack[1]\" = _dure ]; then _dure \"$@\"; else compdef _dure dure; fi\n");
}

/* That all these words stand on the line. */
static void fish_words(struct dure_buf *buf, const char *name, size_t length)
{
    dure_buf_str(buf, "complete -c dure -n '");
    for (const char *at = name; at < name + length; at++) {
        const size_t word = strcspn(at, " ");
        dure_buf_printf(buf, "%s__fish_seen_subcommand_from %.*s", at == name ? "" : "; and ", (int)word, at);
        at += word;
    }
    dure_buf_byte(buf, '\'');
}

static void fish_condition(struct dure_buf *buf, const struct dure_verb *verb)
{
    fish_words(buf, verb->name, strlen(verb->name));
}

static void fish(struct dure_buf *buf)
{
    const struct dure_option *option;
    dure_buf_str(buf, "# fish completion for dure, written by `dure completion fish`\ncomplete -c dure -f\n");
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const struct dure_verb *verb = dure_verbs[i];
        const char *last = strrchr(verb->name, ' ');
        if (last) {
            fish_words(buf, verb->name, (size_t)(last - verb->name));
            dure_buf_printf(buf, " -a %s -d '", last + 1);
        } else
            dure_buf_printf(buf, "complete -c dure -n __fish_use_subcommand -a %s -d '", verb->name);
        quoted(buf, verb->title, false);
        dure_buf_str(buf, "'\n");
        for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
            fish_condition(buf, verb);
            dure_buf_printf(buf, " -l %s", option->name);
            if (option->letter)
                dure_buf_printf(buf, " -s %c", option->letter);
            if (option->argument)
                dure_buf_str(buf, option->type == DURE_OPTION_FILE || option->type == DURE_OPTION_DIR ? " -rF" : " -x");
            if (option->type == DURE_OPTION_CHOICE) {
                dure_buf_str(buf, " -a '");
                for (const char *at = option->choices; *at; at++)
                    dure_buf_byte(buf, (uint8_t)(*at == '|' ? ' ' : *at));
                dure_buf_byte(buf, '\'');
            }
            dure_buf_str(buf, " -d '");
            quoted(buf, option->help, false);
            dure_buf_str(buf, "'\n");
        }
        if (verb->operand == DURE_OPERAND_FILE || verb->operand == DURE_OPERAND_DIR) {
            fish_condition(buf, verb);
            dure_buf_str(buf, " -F\n");
        } else if (verb->operand == DURE_OPERAND_SHELL) {
            fish_condition(buf, verb);
            dure_buf_str(buf, " -a 'bash zsh fish'\n");
        }
    }
}

bool dure_completion(const char *shell, struct dure_buf *buf)
{
    if (strcmp(shell, "bash") == 0)
        bash(buf);
    else if (strcmp(shell, "zsh") == 0)
        zsh(buf);
    else if (strcmp(shell, "fish") == 0)
        fish(buf);
    else
        return false;
    return true;
}

int dure_cmd_completion(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1 << 22);
    if (!dure_completion(cli->argv[0], &buf))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "no completion for '%s'; expected bash, zsh or fish", cli->argv[0]);
    dure_cli_print(cli, &buf);
    return DURE_EXIT_OK;
}
