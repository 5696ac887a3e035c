#pragma once
/* What requests and answers look like, in one line a schema: "name:type" where type is string, integer, boolean, object, {Schema}, or [type];
 * a question mark behind means that it may be null. /openapi.json is made of these. */
struct schema {
    const char *name;
    const char *members;
    const char *text;
};
extern const struct schema dure_schemas[];
extern const unsigned dure_schema_count;
