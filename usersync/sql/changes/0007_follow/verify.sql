-- asks: will profiles follow the changes of their users?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
{trigger_faults}
