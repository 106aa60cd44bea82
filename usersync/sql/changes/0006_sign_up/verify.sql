-- asks: will the trigger give every new user a profile?
-- level: error
-- cost: catalog only
-- remedy: migration.apply
{trigger_faults}
