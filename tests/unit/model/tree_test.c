#include "spec.h"

static void scalars(void)
{
    const struct dure_tree *t = spec_tree(
        "{a: yes, b: on, c: true, d: FALSE, e: ~, f: , g: 'null', h: 12, i: -0, j: 012, k: \"12\", l: 1.5, m: 0x10,"
        " n: -7, o: 1234567890123456789, p: NO, q: [null, 3], r: 2026-03-01}");
    bool yes = false;
    int64_t number = 5;
    TAP_OK(t && t->count == 18, "a flow map");
    TAP_OK(!dure_tree_is_bool(dure_tree_get(t, "a"), &yes) && !dure_tree_is_bool(dure_tree_get(t, "b"), &yes) &&
               !dure_tree_is_bool(dure_tree_get(t, "p"), &yes),
           "yes, on and NO are words");
    TAP_OK(dure_tree_is_bool(dure_tree_get(t, "c"), &yes) && yes, "true");
    TAP_OK(dure_tree_is_bool(dure_tree_get(t, "d"), &yes) && !yes, "FALSE");
    TAP_OK(dure_tree_is_null(dure_tree_get(t, "e")) && dure_tree_is_null(dure_tree_get(t, "f")),
           "~ and nothing are null");
    TAP_OK(!dure_tree_is_null(dure_tree_get(t, "g")), "a quoted null is a word");
    TAP_OK(dure_tree_is_int(dure_tree_get(t, "h"), &number) && number == 12, "12");
    TAP_OK(dure_tree_is_int(dure_tree_get(t, "n"), &number) && number == -7, "-7");
    static const char *const words[] = {"i", "j", "k", "l", "m", "o", "q", "r"};
    for (unsigned i = 0; i < 8; i++)
        TAP_OK(!dure_tree_is_int(dure_tree_get(t, words[i]), &number) && number == -7, "%s is no whole number",
               words[i]);
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    dure_tree_to_json(t, &buf);
    TAP_EQ_STR(buf.data,
               "{\"a\":\"yes\",\"b\":\"on\",\"c\":true,\"d\":false,\"e\":null,\"f\":null,\"g\":\"null\",\"h\":12,\"i\":"
               "\"-0\",\"j\":\"012\","
               "\"k\":\"12\",\"l\":\"1.5\",\"m\":\"0x10\",\"n\":-7,\"o\":\"1234567890123456789\",\"p\":\"NO\",\"q\":["
               "null,3],\"r\":\"2026-03-01\"}",
               "as JSON");
    struct dure_tree *again = NULL;
    struct dure_buf second;
    dure_buf_init(&second, 4096);
    TAP_EQ_INT(dure_tree_from_json(spec_arena, buf.data, buf.length, &again, &spec_problems), DURE_OK, "read back");
    dure_tree_to_json(again, &second);
    TAP_EQ_STR(second.data, buf.data, "and written again the same");
    dure_buf_release(&buf);
    dure_buf_release(&second);
}

static void places(void)
{
    const struct dure_tree *t =
        spec_tree("kind: X\nlist:\n  - name: a\n    deep: [1, {k: 'v'}]\n  - name: 한글 x\n    after: \"q\"\n");
    const struct dure_tree *v = dure_tree_at(t, "list[0].deep[1].k");
    TAP_OK(v && v->line == 4 && v->column == 19 && v->key_line == 4 && v->key_column == 16,
           "line and column of key and value");
    TAP_EQ_STR(v ? v->text : "", "v", "by path");
    const struct dure_tree *after = dure_tree_at(t, "list[1].after");
    TAP_OK(after && after->line == 6 && after->column == 12, "counted in characters");
    char field[64];
    dure_tree_path(v, field, sizeof field);
    TAP_EQ_STR(field, "list[0].deep[1].k", "a node's path");
    dure_tree_path(v, field, 8);
    TAP_EQ_STR(field, "list[0]", "cut at the limit");
    static const char *const none[] = {"lisp",    "list[2]", "list.name",    "list[x]", "list[0", "list[0].deep[1].k.z",
                                       "kind[0]", ".",       "list[0]..name"};
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
        TAP_OK(!dure_tree_at(t, none[i]), "nothing at %s", none[i]);
    TAP_OK(dure_tree_at(t, "") == t, "the root");
    TAP_OK(!dure_tree_get(dure_tree_get(t, "kind"), "x"), "a scalar has no entries");
}

static void limits(void)
{
    size_t size = 9 << 20;
    char *text = malloc(size);
    struct dure_tree *tree = NULL;
    memset(text, ' ', size);
    memset(&spec_problems, 0, sizeof spec_problems);
    TAP_EQ_INT(dure_tree_from_yaml(spec_arena, text, size, &tree, &spec_problems), DURE_E_LIMIT, "YAML over 8 MiB");
    TAP_EQ_STR(spec_said(), "found a longer text, expected at most 8 MiB\n", "says so");
    memset(&spec_problems, 0, sizeof spec_problems);
    TAP_EQ_INT(dure_tree_from_json(spec_arena, text, size, &tree, &spec_problems), DURE_E_LIMIT, "JSON over 8 MiB");
    for (size_t i = 0; i < (2 << 20) + 2; i += 2)
        memcpy(text + i, ",1", 2);
    text[0] = '[';
    memset(&spec_problems, 0, sizeof spec_problems);
    TAP_EQ_INT(dure_tree_from_json(spec_arena, text, (2 << 20) + 2, &tree, &spec_problems), DURE_E_LIMIT,
               "a million JSON values");
    memset(&spec_problems, 0, sizeof spec_problems);
    TAP_EQ_INT(dure_tree_from_yaml(spec_arena, text, (2 << 20) + 2, &tree, &spec_problems), DURE_E_LIMIT,
               "a million YAML values");
    TAP_HAS(spec_said(), "found more values, expected at most 1,000,000 values in one spec", "says so");
    TAP_OK(!tree, "no tree is handed out");
    struct dure_arena *tiny = dure_arena_new(1024);
    memset(&spec_problems, 0, sizeof spec_problems);
    TAP_EQ_INT(dure_tree_from_yaml(tiny, "a: [1,2,3,4,5,6,7,8,9,10,11,12]", 31, &tree, &spec_problems), DURE_E_LIMIT,
               "an arena that is full");
    dure_arena_free(tiny);
    free(text);
}

static void json_texts(void)
{
    static const struct {
        const char *text, *said, *back; /* refused with these words; or read, and written as */
    } rows[] = {
        {"[1,", "1:4: found bad JSON (it ends too early)", NULL},
        {"[1,]", "1:4: found bad JSON (not a value)", NULL},
        {"[1 2]", "1:4: found bad JSON (a comma or a closing bracket is missing)", NULL},
        {"{\"a\":1,\n \"a\":2}", "1:1: found bad JSON ('a' twice)", NULL},
        {"{\"a\" 1}", "1:6: found bad JSON (a colon is missing)", NULL},
        {"{a:1}", "1:2: found bad JSON (a key in quotes is missing)", NULL},
        {"{\"a\":1,}", "1:8: found bad JSON (a key in quotes is missing)", NULL},
        {"\"text\"", "1:1: found bad JSON (no object)", NULL},
        {"", "1:1: found bad JSON (no object)", NULL},
        {"7", "1:1: found bad JSON (no object)", NULL},
        {"[\"\\u0000\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"\\ud800\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"\\ud800\\u0041\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"\\udc00\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"\\u12g4\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"\\x\"]", "1:3: found bad JSON (a bad escape)", NULL},
        {"[\"a\nb\"]", "1:4: found bad JSON (a control character in a string)", NULL},
        {"[\"a", "1:2: found bad JSON (a string that is not closed)", NULL},
        {"[\"a\\", "1:2: found bad JSON (a string that is not closed)", NULL},
        {"[01]", "1:2: found bad JSON (not a value)", NULL},
        {"[1.]", "1:2: found bad JSON (not a value)", NULL},
        {"[-]", "1:2: found bad JSON (not a value)", NULL},
        {"[1e]", "1:2: found bad JSON (not a value)", NULL},
        {"[+1]", "1:2: found bad JSON (not a value)", NULL},
        {"[nul]", "1:2: found bad JSON (not a value)", NULL},
        {"[True]", "1:2: found bad JSON (not a value)", NULL},
        {"{\n\"a\":\"\xff\"}", "2:6: found bad JSON (a byte that is not UTF-8)", NULL},
        {"[\"\xed\xa0\x80\"]", "1:3: found bad JSON (a byte that is not UTF-8)", NULL},
        {"[1] x", "1:5: found bad JSON (something after the end)", NULL},
        {" [ ] \n", NULL, "[]"},
        {"{ }", NULL, "{}"},
        {"[1.50, -0, 1e400, 123456789012345678901234567890, -5, true, false, null]", NULL,
         "[\"1.50\",\"-0\",\"1e400\",\"123456789012345678901234567890\",-5,true,false,null]"},
        {"[\"\\u00e9\\uD55C\\ud83d\\ude00\\\\\\\"\\/\\n\\t\"]", NULL,
         "[\"\xc3\xa9\xed\x95\x9c\xf0\x9f\x98\x80\\\\\\\"/\\n\\t\"]"},
        {"{\"b\":{\"d\":[],\"c\":\"1\"},\"a\":[[{}]]}", NULL, "{\"a\":[[{}]],\"b\":{\"c\":\"1\",\"d\":[]}}"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_tree *tree = NULL;
        struct dure_buf buf;
        dure_buf_init(&buf, 4096);
        memset(&spec_problems, 0, sizeof spec_problems);
        enum dure_err err = dure_tree_from_json(spec_arena, rows[i].text, strlen(rows[i].text), &tree, &spec_problems);
        TAP_EQ_INT(err, rows[i].said ? DURE_E_INVALID : DURE_OK, "%s", rows[i].text);
        if (!err)
            dure_tree_to_json(tree, &buf);
        if (rows[i].said)
            TAP_HAS(spec_said(), rows[i].said, "in words");
        TAP_EQ_STR(buf.data ? buf.data : "", rows[i].back ? rows[i].back : "", "and written");
        dure_buf_release(&buf);
    }
    struct dure_tree *tree = NULL;
    char deep[64] = "";
    for (unsigned i = 0; i < 21; i++)
        deep[i] = '[';
    TAP_EQ_INT(dure_tree_from_json(spec_arena, deep, 21, &tree, &spec_problems), DURE_E_LIMIT, "21 levels");
    struct dure_buf many;
    dure_buf_init(&many, 4096);
    dure_buf_str(&many, "{\"k0\":0");
    for (unsigned i = 1; i < 50; i++)
        dure_buf_printf(&many, ",\"k%u\":0", i);
    dure_buf_str(&many, ",\"k7\":0}");
    TAP_EQ_INT(dure_tree_from_json(spec_arena, many.data, many.length, &tree, &spec_problems), DURE_E_INVALID,
               "twice among many");
    TAP_HAS(spec_said(), "bad JSON ('k7' twice)", "in words");
    dure_buf_release(&many);
}

static void building(void)
{
    struct dure_tree *root = dure_tree_new(spec_arena, DURE_TREE_MAP);
    struct dure_tree *list = dure_tree_add(spec_arena, root, DURE_TREE_LIST, "list");
    struct dure_tree *map = dure_tree_add(spec_arena, list, DURE_TREE_MAP, NULL);
    TAP_OK(dure_tree_set(spec_arena, map, "b", "1", false) && dure_tree_set(spec_arena, map, "a", "1", true) &&
               dure_tree_set(spec_arena, root, "list2", "x", true) && dure_tree_set(spec_arena, map, "b", "2", false),
           "built");
    struct dure_buf buf;
    dure_buf_init(&buf, 256);
    dure_tree_to_json(root, &buf);
    TAP_EQ_STR(buf.data, "{\"list\":[{\"a\":\"1\",\"b\":2}],\"list2\":\"x\"}", "sorted by key, the second value of b");
    dure_buf_release(&buf);
}

static void printing(void)
{
    struct dure_problems problems = {.file = "f.yaml"};
    char quoted[16];
    dure_problem_quote(quoted, sizeof quoted, "a\tb");
    TAP_EQ_STR(quoted, "'a.b'", "control characters become dots");
    dure_problem_quote(quoted, sizeof quoted, "한국어 문장");
    TAP_EQ_STR(quoted, "'한국어 …'", "cut after a whole character");
    for (unsigned i = 0; i < 23; i++)
        dure_problem_at(&problems, i + 1, 0, "f", "'x'", "y%u", i);
    TAP_EQ_UINT(problems.count, 20, "twenty are kept");
    TAP_EQ_UINT(problems.total, 23, "all are counted");
    struct dure_buf buf;
    dure_buf_init(&buf, 8192);
    dure_problems_print(&problems, &buf);
    TAP_HAS(buf.data, "f.yaml:1: f: found 'x', expected y0\nf.yaml:2: f:", "a line each");
    TAP_HAS(buf.data, "f.yaml:20: f: found 'x', expected y19\nand 3 more problems\n", "the rest as a count");
    dure_buf_release(&buf);
    struct dure_error error;
    TAP_EQ_INT(dure_problems_fail(&problems, &error), DURE_E_INVALID, "as an error");
    TAP_EQ_STR(error.text, "f.yaml:1: f: found 'x', expected y0 (and 22 more)", "its text");
}

int main(void)
{
    scalars();
    places();
    limits();
    json_texts();
    building();
    printing();
    dure_arena_free(spec_arena);
    return tap_done();
}
