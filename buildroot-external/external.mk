# Filled by `run.sh fetch-npm-packages.ts FOLDER`, with npm as it is set up.
SKYMINER_NPM_PACKAGES ?= $(abspath $(BR2_EXTERNAL_SKYMINER_PATH)/../out/npm-packages)

include $(sort $(wildcard $(BR2_EXTERNAL_SKYMINER_PATH)/package/*/*.mk))

# busybox is linked statically, with these where quotas and passwords are built too.
LIBTIRPC_CONF_OPTS += --enable-static
LIBXCRYPT_CONF_OPTS += --enable-static
