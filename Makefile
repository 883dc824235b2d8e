# `make` lists what can be made. A target makes what it needs first and skips what is done.

PYTHON ?= python3
# PYTHON=3.12 names the Python of another machine, for gpu-pack; it is none to make environments with.
INTERPRETER := $(if $(filter 3.%,$(PYTHON)),python3,$(PYTHON))
RECIPE ?= tiny
CORPORA ?= data
MINUTES ?= 20
SEED ?= 0
# Of make fuzz: one surface, how many cases of each, a kept case to run alone; COUNT is also that of kill-test and stream-test.
SURFACE ?=
COUNT ?=
CASE ?=
# SIGNALS=1: kill-test sends SIGINT (Ctrl-C) and SIGTERM, which a command may answer, instead of SIGKILL.
SIGNALS ?=
# LOCKED=1: the runtime is installed in the versions of tests/requirements/, whose hashes must fit.
# What trains is not locked: which build of PyTorch there is, and so its hash, depends on the machine.
LOCKED ?=
TEXT ?= Hello there, how are you today?

# RECIPE=tiny goes through everything in minutes; RECIPE=shipped makes the shipped voices, from the corpora in CORPORA.
# CopyCat and the voice that selects its prosody begin from other models. A shipped voice goes on with an adversarial stage (STAGE);
# arctic-16k and prosody-16k end with a flow of prosody (FLOW). FLOW=-drawn adds a stage in which discriminators judge drawn prosody.
# TARGETS speak with arctic-16k and CopyCat, NARRATORS with prosody-16k.
# That of the vocoder (VOCODER_STAGE=-adversarial) has not made it better yet: docs/lab-notes.md.
ifeq ($(RECIPE),tiny)
ACOUSTIC ?= tiny-acoustic
VOCODER ?= tiny-vocoder
SPEAKER ?= tiny-speaker
COPYCAT ?= tiny-copycat
VAE ?= tiny-vae
VAE_FROM ?= $(ACOUSTIC)
SYNTAX ?= tiny-syntax
TARGETS ?= kathleen,slt,bdl
NARRATORS ?= $(TARGETS)
STAGE ?=
FLOW ?=
VOCODER_STAGE ?=
else ifeq ($(RECIPE),shipped)
ACOUSTIC ?= arctic-16k
VOCODER ?= universal-16k
SPEAKER ?= speaker-16k
COPYCAT ?= copycat-16k
VAE ?= prosody-16k
VAE_FROM ?= $(ACOUSTIC) $(COPYCAT)
SYNTAX ?= linguistics-en
TARGETS ?= kathleen,slt,bdl,lj,allison
NARRATORS ?= $(TARGETS),robotutor_a,robotutor_b,robotutor_c
STAGE ?= -adversarial
FLOW ?= -prosody
VOCODER_STAGE ?=
else
$(error RECIPE=$(RECIPE) is neither 'tiny' nor 'shipped'; ACOUSTIC=NAME and VOCODER=NAME choose single recipes)
endif

# The corpora that splits.csv names, all in one prepared corpus; a recipe says which of its speakers it wants.
SPLITS ?= $(CORPORA)/splits.csv
# What tables tell about sentences: story, position, recording session.
DETAILS ?= $(wildcard $(CORPORA)/*/stories.csv $(CORPORA)/*/story_list.csv)
SOURCES ?= $(addprefix $(CORPORA)/,$(shell tail -n +2 $(SPLITS) | cut -d , -f 1 | sort -u))
PREPARED ?= prepared/$(if $(filter data,$(CORPORA)),sample,speech)
ADDONS ?= runs/addons

# A training that goes on elsewhere: which, in how many megabytes, into which folder; its corpus, if not the one that its recipe
# names; the weights with which a recipe begins; and the models whose mels a vocoder learns from.
RUN ?= runs/$(VOCODER)
SIZE_MB ?= 48
PACK ?= packed/$(notdir $(basename $(RUN)))
DATA ?=
BEGIN ?=
PREDICT_FROM ?=

# Two environments: the runtime, which speaks, and everything, which also trains, measures and tests.
RUNTIME := .venv/installed
EVERYTHING := .venv-all/installed
TTS := .venv-all/bin/tts
ACOUSTIC_RUN := runs/$(ACOUSTIC)$(or $(FLOW),$(STAGE))
VAE_RUN := runs/$(VAE)$(or $(FLOW),$(STAGE))
ACOUSTIC_ADDON := $(ADDONS)/$(ACOUSTIC)/addon.json
VOCODER_ADDON := $(ADDONS)/$(VOCODER)/addon.json
COPYCAT_ADDON := $(ADDONS)/$(COPYCAT)/addon.json
VAE_ADDON := $(ADDONS)/$(VAE)/addon.json
# The parser of sentences learns from a treebank; a voice takes the shipped one.
SYNTAX_ADDON := $(ADDONS)/$(SYNTAX)/addon.json
LINGUISTICS ?= linguistics-en
TREEBANK ?= $(CORPORA)/gum_const

# Whose prosody `make transfer` takes, what is said there, and who says it then.
SOURCE ?= data/cmu_us_bdl_arctic/wav/arctic_a0098.flac
SAID ?= Shall I carry you?
TARGET ?= kathleen

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo listening-test test mutants fuzz kill-test stream-test check audit requirements docs docs-pages figures prepare train-acoustic train-vocoder train-copycat train-vae train-syntax gpu-pack gpu-unpack export shipped synth transfer bench clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Install the runtime only and hear the shipped voices: out/*.wav, a picture, a table
	@.venv/bin/python demo.py

test: $(EVERYTHING) ## Install everything and run all tests; TTS_CORPORA=DIR also runs those that need whole corpora
	@TTS_ALLOWED_SKIPS=1 .venv-all/bin/pytest -n 2 --dist worksteal

mutants: $(EVERYTHING) ## Put mistakes into a copy of the code and see whether the tests notice them (MINUTES=20 SEED=0)
	@.venv-all/bin/python tests/mutants/run.py --minutes $(MINUTES) --seed $(SEED)

fuzz: $(EVERYTHING) ## Throw hostile inputs at every surface; failing ones are kept (SEED=0 SURFACE= COUNT= CASE=fuzz-failures/...)
	@OMP_NUM_THREADS=1 .venv-all/bin/python tests/fuzz/run.py --seed $(SEED) --surface "$(SURFACE)" --count "$(COUNT)" --case "$(CASE)"

kill-test: $(EVERYTHING) ## Kill commands at random moments and see whether anything is lost (COUNT=100 SEED=0; SIGNALS=1: Ctrl-C)
	@OMP_NUM_THREADS=1 .venv-all/bin/python tests/fuzz/kill.py --seed $(SEED) $(COUNT:%=--count %) $(SIGNALS:1=--signals)

stream-test: $(EVERYTHING) ## Compare speech streamed in random chunks with the whole, for every shipped voice (COUNT=300 SEED=0)
	@.venv-all/bin/python tests/fuzz/streamed.py --seed $(SEED) $(COUNT:%=--count %)

check: $(EVERYTHING) ## Format, lint, types of the runtime rooms, and who may import whom
	@.venv-all/bin/ruff format --check .
	@.venv-all/bin/ruff check .
	@.venv-all/bin/mypy
	@.venv-all/bin/lint-imports --no-logo

docs: $(EVERYTHING) ## Build the documentation site: site/index.html; a broken link, anchor or Python name fails
	@.venv-all/bin/python tests/docs/build_site.py

docs-pages: $(EVERYTHING) ## Write the generated pages of docs/ anew from the code; the tests fail where one is stale
	@.venv-all/bin/python tests/docs/pages.py

figures: $(EVERYTHING) ## List every table of figures in docs/ and README.md with the command that prints it
	@.venv-all/bin/python tests/docs/figures.py

audit: $(EVERYTHING) ## Ask a service for known weaknesses of the locked runtime packages; without the service or pip-audit, one line
	@.venv-all/bin/python tests/requirements/audit.py

requirements: ## Write tests/requirements/*.txt anew: the newest versions that pyproject.toml allows, with hashes; needs pip-tools
	@for name in runtime demo; do \
		extras=$$(test $$name = runtime || echo --extra $$name); \
		pip-compile --quiet --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-options --no-annotate \
			--no-header --upgrade $$extras --output-file tests/requirements/$$name.txt pyproject.toml || exit; \
	done

prepare: $(PREPARED)/corpus.json ## Recordings to a corpus to train on (CORPORA=data)
train-acoustic: $(ACOUSTIC_RUN)/trained ## Train the acoustic model (RECIPE=tiny; RECIPE=shipped CORPORA=DIR)
train-vocoder: runs/$(VOCODER)$(VOCODER_STAGE)/trained ## Train the vocoder (likewise)
train-copycat: $(COPYCAT_ADDON) ## Train the speaker encoder and CopyCat, and export it to runs/addons (likewise)
train-vae: $(VAE_ADDON) ## Train a voice that selects its prosody, and export it with its inventory to runs/addons (likewise)
train-syntax: $(SYNTAX_ADDON) ## Train the parser of sentences, and export it to runs/addons (likewise; TREEBANK=DIR of Penn trees)
gpu-pack: $(EVERYTHING) ## Lay RUN (a run or a recipe) into a folder that trains on another machine (SIZE_MB=48 PYTHON=3.12; docs/gpu.md)
	$(TTS) pack $(RUN) --size-mb $(SIZE_MB) --output $(PACK) $(if $(filter 3.%,$(PYTHON)),--python $(PYTHON)) \
		$(if $(DATA),--data $(DATA)) $(BEGIN:%=--init-from %) $(PREDICT_FROM:%=--predict-from %)

gpu-unpack: $(EVERYTHING) ## Bring back what was learnt there, from FOLDER, as a run (OUTPUT=runs/NAME)
	$(TTS) unpack $(FOLDER) $(if $(OUTPUT),--output $(OUTPUT))

export: $(ACOUSTIC_ADDON) $(VOCODER_ADDON) ## Export both as addons to runs/addons
shipped: ## Make every shipped voice, stage by stage, from CORPORA=DIR; what is done is kept, what was stopped goes on
	@$(MAKE) RECIPE=shipped export train-copycat train-vae
synth: $(ACOUSTIC_ADDON) $(VOCODER_ADDON) ## Speak TEXT="..." with them: out/tiny-acoustic.wav
	@mkdir -p out
	$(TTS) synth "$(TEXT)" --addon $(ADDONS)/$(ACOUSTIC) --output out/$(ACOUSTIC).wav

transfer: $(RUNTIME) ## The prosody of a recording in data/, in the voice of TARGET=kathleen: out/transfer.wav, with the shipped addon
	@mkdir -p out
	.venv/bin/tts transfer-prosody $(SOURCE) --text "$(SAID)" --speaker $(TARGET) --output out/transfer.wav

# Without CORPORA, a small test of the recordings in data/; with it, the four tests of the papers. LISTENING names others.
LISTENING ?= $(if $(filter data,$(CORPORA)),sample,copycat-transfer copycat-identity selection-sentences selection-long-form)

listening-test: $(EVERYTHING) ## Build listening tests in out/listening: a small one, or the papers' four from CORPORA=DIR (LISTENING=NAME)
	@for name in $(LISTENING); do \
		$(TTS) listening-test build recipes/listening/$$name.yaml --corpora $(CORPORA) --output out/listening/$$name --replace || exit; \
	done
	@echo "to hear one: $(TTS) listening-test serve out/listening/$(firstword $(LISTENING))"

bench: $(RUNTIME) ## Time to first audio, CPU time and memory of the shipped voice
	@.venv/bin/tts bench

clean: ## Remove environments, caches, out/ and site/; prepared corpora and runs stay
	rm -rf .venv .venv-all out build site *.egg-info .*_cache .hypothesis

# Locked: the packages of tests/requirements/, whose hashes must fit, then this project alone.
PIP_INSTALL := pip install -qq --disable-pip-version-check
install = .$(1)/bin/$(PIP_INSTALL) $(if $(and $(LOCKED),$(wildcard $(2))),--require-hashes --requirement $(2) && \
	.$(1)/bin/$(PIP_INSTALL) --no-deps --editable .,--editable '.[$(3)]')

$(RUNTIME): pyproject.toml
	@echo "installing the runtime in .venv"
	@$(INTERPRETER) -m venv .venv
	@$(call install,venv,tests/requirements/demo.txt,demo)
	@touch $@

$(EVERYTHING): pyproject.toml
	@echo "installing everything in .venv-all"
	@$(INTERPRETER) -m venv .venv-all
	@.venv-all/bin/pip install -qq --disable-pip-version-check --editable '.[train,eval,openvino,demo,documents,serve,test,docs]'
	@touch $@

$(PREPARED)/corpus.json: $(SPLITS) | $(EVERYTHING)
	$(TTS) prepare $(SOURCES) --splits $(SPLITS) $(DETAILS:%=--details %) --output $(PREPARED)
	@touch $@

runs/$(ACOUSTIC)/trained: recipes/$(ACOUSTIC).yaml $(PREPARED)/corpus.json
	$(TTS) train acoustic $< --data $(PREPARED) --output $(@D)
	@touch $@

runs/$(VOCODER)/trained: recipes/$(VOCODER).yaml $(PREPARED)/corpus.json
	$(TTS) train vocoder $< --data $(PREPARED) --output $(@D)
	@touch $@

# An adversarial stage begins from the run that has its name without the stage; a recipe's first line names the command.
runs/%-adversarial/trained: recipes/%-adversarial.yaml runs/%/trained
	$(TTS) $$(sed -n '1s/^# tts \(train [a-z]*\) .*/\1/p' $<) $< --data $(PREPARED) --output $(@D) --init-from runs/$*
	@touch $@

runs/$(ACOUSTIC)-prosody/trained: recipes/$(ACOUSTIC)-prosody.yaml runs/$(ACOUSTIC)$(STAGE)/trained
	$(TTS) train acoustic $< --data $(PREPARED) --output $(@D) --init-from runs/$(ACOUSTIC)$(STAGE)
	@touch $@

runs/$(VAE)-prosody/trained: recipes/$(VAE)-prosody.yaml runs/$(ACOUSTIC)-prosody/trained runs/$(VAE)$(STAGE)/trained
	$(TTS) train vae $< --data $(PREPARED) --output $(@D) --init-from runs/$(ACOUSTIC)-prosody --init-from runs/$(VAE)$(STAGE)
	@touch $@

runs/%-drawn/trained: recipes/%-drawn.yaml runs/%$(STAGE)/trained runs/%-prosody/trained
	$(TTS) $$(sed -n '1s/^# tts \(train [a-z]*\) .*/\1/p' $<) $< --data $(PREPARED) --output $(@D) --init-from runs/$*$(STAGE) --init-from runs/$*-prosody
	@touch $@

# The last stage of the vocoder learns from what the voices in PREDICTED draw, those that its recipe names.
PREDICTED ?= $(ACOUSTIC)
ifneq ($(VOCODER_STAGE),)
runs/$(VOCODER)$(VOCODER_STAGE)/trained: $(PREDICTED:%=$(PREPARED)/predicted/%/made)
endif

$(PREPARED)/predicted/%/made: runs/%$(STAGE)/trained
	$(TTS) predict-mels $(<D) --data $(PREPARED)
	@touch $@

# The vocoder first: how loud each speaker is, is measured on speech.
$(ACOUSTIC_ADDON): $(ACOUSTIC_RUN)/trained | $(VOCODER_ADDON)
	$(TTS) export-addon $(<D) --data $(PREPARED) $(if $(FLOW),--speakers $(TARGETS)) --default-vocoder $(VOCODER) --output $(@D)
	@touch $@

$(VOCODER_ADDON): runs/$(VOCODER)$(VOCODER_STAGE)/trained
	$(TTS) export-addon $(<D) --data $(PREPARED) --output $(@D)
	@touch $@

runs/$(SPEAKER)/trained: recipes/$(SPEAKER).yaml $(PREPARED)/corpus.json
	$(TTS) train copycat $< --data $(PREPARED) --output $(@D)
	@touch $@

runs/$(COPYCAT)/trained: recipes/$(COPYCAT).yaml runs/$(ACOUSTIC)/trained runs/$(SPEAKER)/trained
	$(TTS) train copycat $< --data $(PREPARED) --output $(@D) --init-from runs/$(ACOUSTIC) --init-from runs/$(SPEAKER)
	@touch $@

$(COPYCAT_ADDON): runs/$(COPYCAT)$(STAGE)/trained | $(VOCODER_ADDON)
	$(TTS) export-addon $(<D) --data $(PREPARED) --speakers $(TARGETS) --default-vocoder $(VOCODER) --output $(@D)
	@touch $@

runs/$(VAE)/trained: recipes/$(VAE).yaml $(PREPARED)/corpus.json $(VAE_FROM:%=runs/%/trained)
	$(TTS) train vae $< --data $(PREPARED) --output $(@D) $(VAE_FROM:%=--init-from runs/%)
	@touch $@

$(VAE_ADDON): $(VAE_RUN)/trained addons/$(LINGUISTICS)/addon.json | $(VOCODER_ADDON)
	$(TTS) export-addon $(<D) --data $(PREPARED) $(if $(FLOW),--speakers $(NARRATORS)) --linguistics addons/$(LINGUISTICS) --default-vocoder $(VOCODER) --output $(@D)
	@touch $@

runs/$(SYNTAX)/trained: recipes/$(SYNTAX).yaml | $(EVERYTHING)
	$(TTS) train syntax $< --data $(TREEBANK) --output $(@D)
	@touch $@

$(SYNTAX_ADDON): runs/$(SYNTAX)/trained
	$(TTS) export-addon $(<D) --data $(TREEBANK) --output $(@D)
	@touch $@
