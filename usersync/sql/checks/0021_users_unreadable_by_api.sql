-- asks: can the Auth server read every user?
-- level: warning
-- about: database
-- cost: one scan of auth.users; ACCESS SHARE locks only
-- remedy: repair.tokens --dry-run writes '' where a token is null; what else is null or foreign here takes an update by hand
-- without: write '' where a token is null by an update by hand; with install: full in usersync.yaml repair.tokens does that, and keeps what it changes
-- why: Users made by plain SQL hold nulls where the Auth server expects text: Database error
--   finding users for the whole page (supabase/auth#1940), or are invisible to it.
select u.id::text as subject, 'null or foreign: ' || concat_ws(
    ', ',
    case when u.instance_id is distinct from '00000000-0000-0000-0000-000000000000'
        then 'instance_id' end,
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
) as detail
from auth.users as u
where u.instance_id is distinct from '00000000-0000-0000-0000-000000000000'
    or u.aud is null or u.role is null or u.confirmation_token is null
    or u.recovery_token is null or u.email_change is null or u.email_change_token_new is null
    or u.email_change_token_current is null or u.phone_change is null
    or u.phone_change_token is null or u.reauthentication_token is null
    or u.created_at is null or u.updated_at is null
order by u.id;
