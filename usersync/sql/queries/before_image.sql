-- does: keeps what is about to be overwritten
insert into {ours}.before_images (run_id, object, image)
values ({run_id}, {object}, {image}::jsonb);
