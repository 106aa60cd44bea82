-- does: keeps the definition of a function that is about to be paused
insert into {ours}.before_images (run_id, object, image)
values ({run_id}, {object}, {image}::jsonb);
