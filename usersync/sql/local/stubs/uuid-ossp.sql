-- uuid-ossp in shape: version 4 is the real one, the others are unique or steady as they should be.

create function uuid_nil() returns uuid language sql immutable
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;
create function uuid_ns_dns() returns uuid language sql immutable
as $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_url() returns uuid language sql immutable
as $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_oid() returns uuid language sql immutable
as $$ select '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_x500() returns uuid language sql immutable
as $$ select '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_generate_v1() returns uuid language sql volatile
as $$ select pg_catalog.gen_random_uuid() $$;
create function uuid_generate_v1mc() returns uuid language sql volatile
as $$ select pg_catalog.gen_random_uuid() $$;
create function uuid_generate_v4() returns uuid language sql volatile
as $$ select pg_catalog.gen_random_uuid() $$;
create function uuid_generate_v3(namespace uuid, name text) returns uuid language sql immutable
as $$ select pg_catalog.md5(namespace::text || name)::uuid $$;
create function uuid_generate_v5(namespace uuid, name text) returns uuid language sql immutable
as $$ select pg_catalog.md5(name || namespace::text)::uuid $$;
