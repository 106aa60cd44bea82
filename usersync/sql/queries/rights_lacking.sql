-- asks: which of the rights that grant_rights gives are lacking all the same
-- returns: subject and detail, a row for each
select wanted.role as subject, format('may not %s', wanted.privilege) as detail
from (
    values
        (current_user::text, 'select'),
        (current_user::text, 'insert'),
        ('service_role', 'select'),
        ('service_role', 'insert'),
        ('service_role', 'update'),
        ('service_role', 'delete'),
        ('authenticated', 'select')
) as wanted (role, privilege)
where not has_table_privilege(wanted.role, {profiles_text}, wanted.privilege)
order by wanted.role, wanted.privilege
