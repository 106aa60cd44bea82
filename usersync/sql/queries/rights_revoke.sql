-- does: takes rights on a table back that rights.grant gave
-- locks: the entry of this table in the catalog only
-- rerun: safe
revoke {privileges} on table {table} from {grantee};
