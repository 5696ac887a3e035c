#pragma once
/* Domains of the digest: one a kind of entity. */
enum dure_digest_domain {
    DOMAIN_SCALARS = 1,
    DOMAIN_JOB,
    DOMAIN_BACK,
    DOMAIN_GONE,
    DOMAIN_DEP,
    DOMAIN_OUTCOME,
    DOMAIN_ATTEMPT,
    DOMAIN_PLACE,
    DOMAIN_BINDING,
    DOMAIN_CLAIM,
    DOMAIN_NODE,
    DOMAIN_REASON,
    DOMAIN_ALLOT,
    DOMAIN_TENANT,
    DOMAIN_PRINCIPAL,
    DOMAIN_TEXT,
    DOMAIN_CELLS,
    DOMAIN_LASTING,
    DOMAIN_REQUEST,
};
