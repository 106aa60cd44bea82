-- pg_cron in shape: a job is a row, and nothing runs it.

create schema cron;
grant usage on schema cron to postgres;

create table cron.job (
    jobid bigint generated always as identity primary key,
    schedule text not null,
    command text not null,
    nodename text not null default 'localhost',
    nodeport integer not null default 5432,
    database text not null default current_database(),
    username text not null default current_user,
    active boolean not null default true,
    jobname text,
    constraint jobname_username_uniq unique (jobname, username)
);
create table cron.job_run_details (
    jobid bigint,
    runid bigint generated always as identity primary key,
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz
);
grant all on all tables in schema cron to postgres;

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql security definer set search_path = ''
as $$
    insert into cron.job (jobname, schedule, command) values (job_name, schedule, command)
    on conflict (jobname, username) do update
    set schedule = excluded.schedule, command = excluded.command
    returning jobid
$$;

create function cron.schedule(schedule text, command text) returns bigint
language sql security definer set search_path = ''
as $$
    insert into cron.job (schedule, command) values (schedule, command) returning jobid
$$;

create function cron.schedule_in_database(
    job_name text, schedule text, command text, database text, username text default null,
    active boolean default true
) returns bigint
language sql security definer set search_path = ''
as $$
    select cron.schedule(job_name, schedule, command)
$$;

create function cron.alter_job(
    job_id bigint, schedule text default null, command text default null, database text default null,
    username text default null, active boolean default null
) returns void
language sql security definer set search_path = ''
as $$
    update cron.job as j
    set
        schedule = coalesce(alter_job.schedule, j.schedule),
        command = coalesce(alter_job.command, j.command),
        active = coalesce(alter_job.active, j.active)
    where j.jobid = job_id
$$;

create function cron.unschedule(job_name text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
    delete from cron.job where jobname = job_name;
    if not found then
        raise exception 'could not find valid entry for job ''%''', job_name;
    end if;
    return true;
end
$$;

create function cron.unschedule(job_id bigint) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
    delete from cron.job where jobid = job_id;
    if not found then
        raise exception 'could not find valid entry for job %', job_id;
    end if;
    return true;
end
$$;
