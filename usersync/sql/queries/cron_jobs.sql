-- asks: which jobs of pg_cron in this database name usersync in their command
-- returns: one row a job: its name
-- cost: one pass over the jobs that this role may see; only where there is pg_cron
select coalesce(j.jobname, j.jobid::text) as name
from cron.job as j
where j.database = current_database()
    and (
        strpos(j.command, {ours_text} || '.') > 0
        or strpos(j.command, format('"%s".', {ours_text})) > 0
        or j.command ~ '\mpublic\.usersync_'
    )
order by 1;
