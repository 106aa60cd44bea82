-- asks: could a profile be made for everybody who signed up?
-- level: error
-- about: database
-- cost: one scan of the failures
-- remedy: correct what refuses it, then sync
-- needs: failures
-- why: With on_error: record a sign-up goes on although its profile cannot be made, and that is
--   written down.
select
    concat_ws(' ', f.sqlstate, nullif(f.constraint_name, ''), nullif(f.column_name, '')) as subject,
    format(
        '%s sign-ups of %s without a profile, the last at %s', count(distinct f.user_id),
        f.profile_table, to_char(max(f.at), 'YYYY-MM-DD HH24:MI "UTC"')
    ) as detail
from {ours}.failures as f
where {without_profile}
group by f.sqlstate, f.constraint_name, f.column_name, f.profile_table
order by 1;
