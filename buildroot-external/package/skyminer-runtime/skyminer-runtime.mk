################################################################################
#
# skyminer-runtime
#
################################################################################

SKYMINER_RUNTIME_VERSION = 0.1.0
SKYMINER_RUNTIME_BUNDLE ?= $(BR2_EXTERNAL_SKYMINER_PATH)/../dist
SKYMINER_RUNTIME_SITE = $(SKYMINER_RUNTIME_BUNDLE)
SKYMINER_RUNTIME_SITE_METHOD = local
SKYMINER_RUNTIME_LICENSE = MIT
SKYMINER_RUNTIME_DEPENDENCIES = node-bin skyminer-modules

# From where it comes: Buildroot keeps lists of files of its own in the folder of a build.
define SKYMINER_RUNTIME_INSTALL_TARGET_CMDS
	$(BR2_EXTERNAL_SKYMINER_PATH)/run.sh install-bundle.ts $(SKYMINER_RUNTIME_SITE) $(TARGET_DIR)
endef

$(eval $(generic-package))
