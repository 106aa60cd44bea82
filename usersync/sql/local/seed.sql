-- Fills an empty local stack; one statement. Parameters: users, missing, seed, today (midnight UTC).
--
-- Users are numbered by the time they signed up. 1 to users need a profile; behind them come the
-- anonymous and the soft-deleted, who need none. Missing are the first twentieth of the missing,
-- who were there before the trigger, and the last users, who came after it broke three days ago.
-- What a user is like follows from the number (kind) or from an md5 of seed and number (draws).

with setting as materialized (
    -- No trigger fires and no foreign key is checked, as in an import; ends with the transaction.
    select
        set_config('session_replication_role', 'replica', true) as replication_role,
        %(users)s::integer as users,
        %(missing)s::integer as missing,
        %(missing)s::integer / 20 as before_trigger,
        %(missing)s::integer - %(missing)s::integer / 20 as after_break,
        case when %(users)s::integer >= 20 then %(users)s::integer / 25 else 0 end as anonymous,
        case when %(users)s::integer >= 20 then %(users)s::integer * 3 / 100 else 0 end
            as soft_deleted,
        %(today)s::timestamptz as today,
        %(today)s::timestamptz - interval '400 days' as began_at,
        %(today)s::timestamptz
            - case when %(missing)s::integer > 0 then interval '3 days' else interval '0' end
            as broke_at
),

numbered as not materialized (
    select
        setting.*,
        number,
        digest,
        uuid(digest) as id,
        get_byte(decode(digest, 'hex'), 0) as draw,
        get_byte(decode(digest, 'hex'), 1) as name_draw,
        get_byte(decode(digest, 'hex'), 2) as domain_draw,
        ('x' || right(digest, 8))::bit(32)::bigint / 4294967296.0::double precision as fraction,
        case
            when number > users + anonymous then 'soft-deleted'
            when number > users then 'anonymous'
            when mod(number, 50) in (3, 17, 29) then 'phone'
            when mod(number, 50) in (11, 23) then 'sso'
            when mod(number, 50) = 31 then 'banned'
            when mod(number, 50) in (7, 37) then 'unconfirmed'
            when mod(number, 50) = 41 then 'plain sql'
            else 'usual'
        end as kind
    from setting
    -- Taking the count from the setting's row puts the setting before the first insert.
    cross join lateral generate_series(
        1,
        case when replication_role = 'replica' then users + anonymous + soft_deleted end
    ) as number
    cross join lateral md5(%(seed)s::integer || ':' || number) as digest
),

people as not materialized (
    select
        *,
        case
            when number > users
                then began_at + (today - began_at) * fraction
            when number > users - after_break
                then broke_at
                    + (today - broke_at) * ((number - 1 - users + after_break + fraction) / after_break)
            else began_at
                + (broke_at - began_at) * ((number - 1 + fraction) / (users - after_break))
        end as created_at,
        case
            when kind in ('phone', 'anonymous') then null
            when kind = 'sso' then 'staff' || number / 200 || '@corp.example'
            when kind = 'soft-deleted'
                then rtrim(translate(
                    encode(sha256(convert_to(id || 'user' || number || '@example.com', 'UTF8')), 'base64'),
                    '+/', '-_'
                ), '=')
            else 'user' || number
                || (array['@example.com', '@example.org', '@mail.example'])[1 + mod(domain_draw, 3)]
        end as email,
        case
            when kind in ('anonymous', 'soft-deleted', 'plain sql') then null
            when kind = 'phone' then 'phone'
            when kind = 'sso' then 'sso:' || uuid(md5('corp.example'))
            when draw < 150 then 'email'
            when draw < 225 then 'google'
            else 'github'
        end as provider,
        (array[
            'Ana Souza', 'Ana Souza', 'John Smith', 'Maria Garcia', 'Łukasz Żak', 'Zoë Brown',
            'Seán O''Brien', 'Jean-Luc d''Arc', 'Ñandú Pérez', 'Nguyễn Thị Minh Khai', 'Ø', 'J',
            '李小龙', '王', '田中 さくら', '한지민', 'Мария Иванова', 'Ελένη Παππά', 'אורי כהן',
            'محمد علي', 'अनिका शर्मा', 'สมชาย ใจดี', 'Ada 👩‍🚀', 'Wolfeschlegelsteinhausenbergerdorff'
        ])[1 + mod(name_draw, 24)] as full_name
    from numbered
),

created_users as (
    insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
        confirmation_token, recovery_token, email_change_token_new, email_change,
        last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        phone, phone_confirmed_at, banned_until, is_sso_user, deleted_at, is_anonymous
    )
    select
        '00000000-0000-0000-0000-000000000000',
        id,
        'authenticated',
        'authenticated',
        email,
        case
            when kind = 'soft-deleted' then null
            when provider = 'email' then '$2a$10$' || left(digest || md5(digest), 53)
            else ''
        end,
        case
            when kind not in ('phone', 'anonymous', 'unconfirmed', 'plain sql')
                then created_at + interval '1 minute'
        end,
        case when kind <> 'plain sql' then '' end,
        case when kind <> 'plain sql' then '' end,
        case when kind <> 'plain sql' then '' end,
        case when kind <> 'plain sql' then '' end,
        case
            when kind not in ('unconfirmed', 'plain sql')
                then created_at + (today - created_at) * fraction
        end,
        case
            when kind in ('anonymous', 'soft-deleted') then '{}'
            when provider is not null
                then jsonb_build_object('provider', provider, 'providers', jsonb_build_array(provider))
        end,
        case
            when kind = 'plain sql' then null
            when kind in ('phone', 'anonymous', 'soft-deleted') then '{}'
            when provider = 'google'
                then jsonb_build_object(
                    'full_name', full_name, 'name', full_name,
                    'avatar_url', 'https://avatars.example/' || digest, 'email_verified', true
                )
            when provider = 'github'
                then jsonb_build_object(
                    'name', full_name, 'user_name', 'user' || number,
                    'avatar_url', 'https://avatars.example/' || digest
                )
            when mod(draw, 4) = 0 then '{}'
            else jsonb_build_object('full_name', full_name)
        end,
        created_at,
        created_at,
        case when kind = 'phone' then '49151' || lpad(number::text, 8, '0') end,
        case when kind = 'phone' then created_at + interval '1 minute' end,
        case when kind = 'banned' then today + interval '365 days' end,
        kind = 'sso',
        case when kind = 'soft-deleted' then created_at + (today - created_at) * fraction end,
        kind = 'anonymous'
    from people
    returning id
),

created_profiles as (
    insert into public.user_profiles (user_id, email, is_active, created_at, updated_at)
    select id, email, kind <> 'banned', created_at, created_at
    from people
    where number > before_trigger and number <= users - after_break
    returning user_id
)

select
    users,
    users - (select count(*) from created_profiles),
    anonymous,
    (select count(*) from created_users) - users - anonymous
from setting
