-- pgcrypto in shape: digests have their length and are steady, what is encrypted can be decrypted, and
-- nothing of it is secret.

create function digest(data bytea, type text) returns bytea language sql immutable strict
as $$
    select case lower(type)
        when 'md5' then decode(md5(data), 'hex')
        when 'sha1' then substring(sha256(data) for 20)
        when 'sha224' then sha224(data)
        when 'sha384' then sha384(data)
        when 'sha512' then sha512(data)
        else sha256(data)
    end
$$;
create function digest(data text, type text) returns bytea language sql immutable strict
as $$
    select case lower(type)
        when 'md5' then decode(md5(data), 'hex')
        when 'sha1' then substring(sha256(convert_to(data, 'UTF8')) for 20)
        when 'sha512' then sha512(convert_to(data, 'UTF8'))
        else sha256(convert_to(data, 'UTF8'))
    end
$$;
create function hmac(data bytea, key bytea, type text) returns bytea language sql immutable strict
as $$
    select case lower(type)
        when 'md5' then decode(md5(key || data), 'hex')
        when 'sha1' then substring(sha256(key || data) for 20)
        when 'sha512' then sha512(key || data)
        else sha256(key || data)
    end
$$;
create function hmac(data text, key text, type text) returns bytea language sql immutable strict
as $$
    select case lower(type)
        when 'md5' then decode(md5(key || data), 'hex')
        when 'sha1' then substring(sha256(convert_to(key || data, 'UTF8')) for 20)
        when 'sha512' then sha512(convert_to(key || data, 'UTF8'))
        else sha256(convert_to(key || data, 'UTF8'))
    end
$$;
create function gen_salt(type text) returns text language sql volatile strict
as $$ select '$2a$06$' || left(md5(random()::text), 22) $$;
create function gen_salt(type text, iterations integer) returns text language sql volatile strict
as $$ select '$2a$06$' || left(md5(random()::text), 22) $$;
create function crypt(password text, salt text) returns text language sql immutable strict
as $$ select left(salt, 29) || left(md5(left(salt, 29) || password), 31) $$;
create function gen_random_bytes(count integer) returns bytea language sql volatile strict
as $$
    select substring(string_agg(uuid_send(pg_catalog.gen_random_uuid()), '') for count)
    from generate_series(1, count / 16 + 1)
$$;
create function gen_random_uuid() returns uuid language sql volatile
as $$ select pg_catalog.gen_random_uuid() $$;
create function encrypt(data bytea, key bytea, type text) returns bytea language sql immutable strict
as $$ select data $$;
create function decrypt(data bytea, key bytea, type text) returns bytea language sql immutable strict
as $$ select data $$;
create function encrypt_iv(data bytea, key bytea, iv bytea, type text) returns bytea
language sql immutable strict
as $$ select data $$;
create function decrypt_iv(data bytea, key bytea, iv bytea, type text) returns bytea
language sql immutable strict
as $$ select data $$;
create function pgp_sym_encrypt(data text, psw text) returns bytea language sql volatile strict
as $$ select convert_to(data, 'UTF8') $$;
create function pgp_sym_encrypt(data text, psw text, options text) returns bytea
language sql volatile strict
as $$ select convert_to(data, 'UTF8') $$;
create function pgp_sym_decrypt(msg bytea, psw text) returns text language sql immutable strict
as $$ select convert_from(msg, 'UTF8') $$;
create function pgp_sym_decrypt(msg bytea, psw text, options text) returns text
language sql immutable strict
as $$ select convert_from(msg, 'UTF8') $$;
create function armor(data bytea) returns text language sql immutable strict
as $$ select encode(data, 'base64') $$;
create function dearmor(data text) returns bytea language sql immutable strict
as $$ select decode(data, 'base64') $$;
