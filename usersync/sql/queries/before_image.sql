-- does: keeps what is about to be overwritten, where the table for that stands
do $usersync$
begin
    if to_regclass({before_images_text}) is not null then
        insert into {ours}.before_images (run_id, object, image)
        values ({run_id}, {object}, {image}::jsonb);
    end if;
end
$usersync$;
