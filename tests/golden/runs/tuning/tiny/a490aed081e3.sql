BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'tiny');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,5.93484233939552519032e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,0.905876235049402,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,3,9.15996600640648472868e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,1,0.629976580796253,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,2,9.51788287698152712934e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,3,9.44502074688796655621e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,1,1.1249675988594798337e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,3,2,8.8523688372412845382e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,3,8.77155681549728338808e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,1,1.1249675988594798337e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,4,2,8.73331936002235686977e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,4,3,8.50463117955585268248e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,5,1,1.13783836927312059783e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,5,2,1.45156322193131070985e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,5,3,6.93395927171223780405e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,6,1,1.1249675988594798337e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'lr',0.03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'augment',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
INSERT INTO "trial_params" VALUES(3,2,'lr',2.43146726653251030181e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(4,2,'augment',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
INSERT INTO "trial_params" VALUES(5,3,'lr',9.12847697251430861831e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(6,3,'augment',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
INSERT INTO "trial_params" VALUES(7,4,'lr',1.03469923877974063347e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(8,4,'augment',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
INSERT INTO "trial_params" VALUES(9,5,'lr',3.20213005518357532452e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(10,5,'augment',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
INSERT INTO "trial_params" VALUES(11,6,'lr',1.43607961878691606574e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(12,6,'augment',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "d4"]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"lr": 0.03, "augment": "none"}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'as_it_is','true');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,9.15996600640648472868e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,9.51788287698152712934e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,8.8523688372412845382e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,8.73331936002235686977e-01,'FINITE');
INSERT INTO "trial_values" VALUES(5,5,0,6.93395927171223780405e-01,'FINITE');
INSERT INTO "trial_values" VALUES(6,6,0,1.1249675988594798337e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-26 14:19:50.841931','2026-11-26 14:19:51.062711');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-26 14:19:51.082298','2026-11-26 14:19:51.289254');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-26 14:19:51.302063','2026-11-26 14:19:51.569445');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-26 14:19:51.596442','2026-11-26 14:19:51.867601');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE','2026-11-26 14:19:51.898463','2026-11-26 14:19:52.158693');
INSERT INTO "trials" VALUES(6,5,1,'PRUNED','2026-11-26 14:19:52.175688','2026-11-26 14:19:52.342850');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
