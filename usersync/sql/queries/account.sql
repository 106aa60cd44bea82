-- asks: what of a user's account and profile may keep the person out
-- returns: one row; times are texts, since infinity is one of them
-- cost: index scans by the id
select
    left(least(u.email_confirmed_at, u.phone_confirmed_at)::text, 19) as confirmed_at,
    left(u.last_sign_in_at::text, 19) as last_sign_in_at,
    left(u.deleted_at::text, 19) as deleted_at,
    case when u.banned_until > pg_catalog.now() then left(u.banned_until::text, 19) end
        as banned_until,
    u.is_anonymous,
    u.is_sso_user as is_sso,
    array(
        select distinct i.provider from auth.identities as i where i.user_id = u.id order by 1
    ) as identities,
    array_remove(array[
        case when u.aud is null then 'aud' end,
        case when u.role is null then 'role' end,
        case when u.confirmation_token is null then 'confirmation_token' end,
        case when u.recovery_token is null then 'recovery_token' end,
        case when u.email_change is null then 'email_change' end,
        case when u.email_change_token_new is null then 'email_change_token_new' end,
        case when u.email_change_token_current is null then 'email_change_token_current' end,
        case when u.phone_change is null then 'phone_change' end,
        case when u.phone_change_token is null then 'phone_change_token' end,
        case when u.reauthentication_token is null then 'reauthentication_token' end,
        case when u.created_at is null then 'created_at' end,
        case when u.updated_at is null then 'updated_at' end
    ], null) as unreadable,
    coalesce((
        select jsonb_object_agg(f.key, left(f.value, 100) order by f.key)
        from jsonb_each_text(to_jsonb(p)) as f
        where f.key = any ({flags})
    ), '{{}}') as flags
from auth.users as u
left join {profiles} as p on p.{key} = u.id
where u.id = {user_id}::uuid;
