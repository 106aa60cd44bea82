-- asks: does the new user need a profile, and is there one
-- returns: one row; nulls when the user is gone
select
    (select {needs_profile} from auth.users as u where u.id = {id}) as due,
    exists (select from {profiles} as p where p.{key} = {id}) as there;
