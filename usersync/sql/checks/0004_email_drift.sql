-- asks: does the e-mail in each profile equal the one that the user signs in with?
-- level: warning
-- about: table
-- cost: one join of both tables; ACCESS SHARE locks only
-- remedy: follow: [COLUMN] in usersync.yaml and migration.apply keep those in step that change from now on; repair.emails --dry-run corrects these rows, and keeps what they hold
-- without: an update of TABLE that sets COLUMN as auth.users has it; with install: full in usersync.yaml repair.emails does that, and keeps what the rows hold
select u.id::text as subject, {profile_email} || ' is not ' || {user_email} as detail
from auth.users as u
join {profiles} as p on p.{key} = u.id
where {email_differs}
order by u.id;
