# `make run` and `make test` do everything that they need from a fresh clone on Debian 12 with a Swift
# toolchain on PATH: Scripts/bootstrap installs what is missing and says so.

.PHONY: help run test bench check-elementary check-layers check-plans check-ascend gpu-check clean

help:
	@echo 'make run               show an operator being written and run, then a model writing text'
	@echo 'make test              run the tests'
	@echo 'make bench             measure against other libraries, write to Benchmarks (minutes)'
	@echo 'make check-elementary  check the elementary functions over all 2^32 inputs (minutes a function)'
	@echo 'make check-layers      compare the tiny model with golden data, by exact products (minutes)'
	@echo 'make check-plans       interpret what every schedule makes of operators, each access checked (minutes)'
	@echo 'make check-ascend      compare every operator on the Ascend device model with this processor (minutes)'
	@echo 'make gpu-check         pack a folder that checks and times a GPU without a toolchain; run it where a GPU is'
	@echo 'make clean             remove what was built; .tools, which holds what was installed, stays'

run:
	@Scripts/bootstrap run
	@swift run -c release tessera demo
	@echo
	@swift run -c release tessera run Models/v4-nano "$$(printf 'ROMEO:\nO, ')" --max-tokens 160 --seed 3

test:
	@Scripts/test

bench:
	@Scripts/bootstrap bench
	@swift run -c release tessera bench --write

check-elementary:
	@Scripts/bootstrap check-elementary
	@swift run -c release check-elementary

check-layers:
	@Scripts/bootstrap run
	@swift run -c release check-layers

check-plans:
	@Scripts/bootstrap run
	@swift run -c release check-plans interpret

check-ascend:
	@Scripts/bootstrap run
	@Scripts/check-ascend

gpu-check:
	@Scripts/gpu-check

clean:
	@swift package clean
