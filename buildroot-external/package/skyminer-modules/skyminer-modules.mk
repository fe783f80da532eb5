################################################################################
#
# skyminer-modules
#
################################################################################

# From package-lock.json: `npm run docs` writes this file.

SKYMINER_MODULES_VERSION = 3.3.4
SKYMINER_MODULES_SITE = file://$(SKYMINER_NPM_PACKAGES)
SKYMINER_MODULES_SOURCE = koromix-koffi-linux-arm64-3.3.4.tgz
SKYMINER_MODULES_EXTRA_DOWNLOADS = \
	serialport-bindings-cpp-13.0.0.tgz \
	serialport-parser-delimiter-12.0.0.tgz \
	serialport-parser-readline-12.0.0.tgz \
	serialport-bindings-interface-1.2.2.tgz \
	debug-4.4.0.tgz \
	koffi-3.3.4.tgz \
	ms-2.1.3.tgz \
	node-gyp-build-4.8.4.tgz
SKYMINER_MODULES_LICENSE = MIT
SKYMINER_MODULES_DEPENDENCIES = node-bin

define SKYMINER_MODULES_EXTRACT_CMDS
	mkdir -p $(@D)/node_modules/@koromix/koffi-linux-arm64
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/koromix-koffi-linux-arm64-3.3.4.tgz --strip-components=1 -C $(@D)/node_modules/@koromix/koffi-linux-arm64
	mkdir -p $(@D)/node_modules/@serialport/bindings-cpp
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/serialport-bindings-cpp-13.0.0.tgz --strip-components=1 -C $(@D)/node_modules/@serialport/bindings-cpp
	mkdir -p $(@D)/node_modules/@serialport/bindings-cpp/node_modules/@serialport/parser-delimiter
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/serialport-parser-delimiter-12.0.0.tgz --strip-components=1 -C $(@D)/node_modules/@serialport/bindings-cpp/node_modules/@serialport/parser-delimiter
	mkdir -p $(@D)/node_modules/@serialport/bindings-cpp/node_modules/@serialport/parser-readline
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/serialport-parser-readline-12.0.0.tgz --strip-components=1 -C $(@D)/node_modules/@serialport/bindings-cpp/node_modules/@serialport/parser-readline
	mkdir -p $(@D)/node_modules/@serialport/bindings-interface
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/serialport-bindings-interface-1.2.2.tgz --strip-components=1 -C $(@D)/node_modules/@serialport/bindings-interface
	mkdir -p $(@D)/node_modules/debug
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/debug-4.4.0.tgz --strip-components=1 -C $(@D)/node_modules/debug
	mkdir -p $(@D)/node_modules/koffi
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/koffi-3.3.4.tgz --strip-components=1 -C $(@D)/node_modules/koffi
	mkdir -p $(@D)/node_modules/ms
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/ms-2.1.3.tgz --strip-components=1 -C $(@D)/node_modules/ms
	mkdir -p $(@D)/node_modules/node-gyp-build
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/node-gyp-build-4.8.4.tgz --strip-components=1 -C $(@D)/node_modules/node-gyp-build
endef

define SKYMINER_MODULES_INSTALL_TARGET_CMDS
	$(BR2_EXTERNAL_SKYMINER_PATH)/run.sh install-modules.ts $(@D) $(TARGET_DIR)
endef

$(eval $(generic-package))
